/** Makes pseudo-random bytes. The same seed gives the same bytes, so a reported seed reproduces a failure. */
export function seededBytes(seed: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  // A Weyl sequence through the mixer of MurmurHash3: any seed will do, zero included.
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    bytes[at] = mixed >>> 24;
  }
  return bytes;
}
