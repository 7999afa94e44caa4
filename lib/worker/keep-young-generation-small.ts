import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation at its initial size, 1 MiB, instead of letting it grow to 16. It is then collected
 * often enough that the memory of sockets and ciphers, which is held by small young objects, never accumulates: 40 MiB less
 * at the peak of a repair (docs/decisions/0009-memory.md). Affects the whole process; call it before there is any
 * load.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
