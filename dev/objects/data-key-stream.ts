import { type CipherStream, STREAM_BYTES, xchacha20Stream } from "../../lib/slab/xchacha20-stream.ts";

/** The encryption of an object's bytes before they become shards: docs/protocol.md#slab-versions. */
export type ObjectCipher =
  | {
      readonly version: 0;
      readonly dataKey: Uint8Array;
      /** Offset in the object at which the slab's bytes begin. */
      readonly objectOffset: number;
    }
  | {
      readonly version: 1;
      readonly dataKey: Uint8Array;
      readonly slabKey: Uint8Array;
      /** Offset in the slab at which the object's bytes begin. */
      readonly slabOffset: number;
    };

/** The key stream for the part of an object that lies in one slab. Offset 0 is the first byte of this part. */
export function dataKeyStream(cipher: ObjectCipher): CipherStream {
  if (cipher.version === 1) {
    const stream = xchacha20Stream(cipher.dataKey, cipher.slabKey.subarray(0, 24));
    return { apply: (data, byteOffset) => stream.apply(data, cipher.slabOffset + byteOffset) };
  }
  return {
    apply(data, byteOffset) {
      // ChaCha20's block counter has 32 bits; where it is used up, the key stream continues with the next nonce.
      for (let done = 0; done < data.length; ) {
        const position = cipher.objectOffset + byteOffset + done;
        const window = Math.floor(position / STREAM_BYTES);
        const part = data.subarray(done, done + (window + 1) * STREAM_BYTES - position);
        const nonce = Buffer.alloc(24);
        nonce.writeBigUInt64LE(BigInt(window), 16);
        xchacha20Stream(cipher.dataKey, nonce).apply(part, position - window * STREAM_BYTES);
        done += part.length;
      }
    },
  };
}
