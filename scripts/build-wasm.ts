import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import asc from "assemblyscript/asc";

const REPOSITORY = new URL("../", import.meta.url);
export const KERNEL_PATH = fileURLToPath(new URL("lib/kernel/kernel.wasm", REPOSITORY));

/** Compiles wasm/ to the bytes of lib/kernel/kernel.wasm. If the compiler fails, throws its error. */
export async function buildKernel(): Promise<Uint8Array> {
  let wasm: Uint8Array | undefined;
  const { error, stderr } = await asc.main(
    [
      "wasm/kernel.ts",
      "--baseDir",
      fileURLToPath(REPOSITORY),
      "--outFile",
      "kernel.wasm",
      "--optimizeLevel",
      "3",
      "--shrinkLevel",
      "0",
      "--noAssert",
      "--runtime",
      "stub",
      "--enable",
      "simd,relaxed-simd",
      // The module imports its memory: lib/kernel creates the memory in the size that is needed.
      "--importMemory",
      "--zeroFilledMemory",
      "--use",
      "abort=",
    ],
    {
      writeFile: (name, contents) => {
        if (name === "kernel.wasm" && typeof contents !== "string") wasm = contents;
      },
    },
  );
  if (error !== null || wasm === undefined)
    throw new Error(`asc failed: ${error?.message}\n${stderr.toString()}`);
  return wasm;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const built = await buildKernel();
  const before = await readFile(KERNEL_PATH).catch(() => Buffer.alloc(0));
  await writeFile(KERNEL_PATH, built);
  console.log(
    `${KERNEL_PATH}: ${built.length} bytes, ${Buffer.compare(built, before) === 0 ? "unchanged" : "changed"}`,
  );
}
