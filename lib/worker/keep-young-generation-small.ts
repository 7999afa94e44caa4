import { setFlagsFromString } from "node:v8";

/**
 * Keeps V8's young generation at its first size, 1 MiB, instead of letting it grow to 16. Its collections then come
 * often enough for the memory of sockets and ciphers, which hangs on small young objects, never to pile up: 40 MiB less
 * at the peak of a repair (docs/decisions/0009-memory.md). Concerns the whole process; to be called before there is a
 * load.
 */
export function keepYoungGenerationSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}
