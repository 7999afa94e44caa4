// Everything that the wasm module exports. Addresses are checked by lib/kernel, never here.
export { authenticate, openPackets, sealPackets } from "./chacha20-poly1305";
export { climb, subtreeRoot } from "./merkle";
export { combine } from "./galois-combine";

/** Where lib/kernel passes arguments and takes results: a window of data, or addresses and coefficients. */
const WINDOW: usize = memory.data(256 * 1024, 64);

export function windowAddress(): usize {
  return WINDOW;
}

/** First byte that the kernels do not use themselves. */
export function arenaAddress(): usize {
  return __heap_base;
}
