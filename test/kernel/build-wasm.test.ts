import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { buildKernel, KERNEL_PATH } from "../../scripts/build-wasm.ts";

it("kernel.wasm equals its compiled sources (run npm run build:wasm after changing wasm/)", async () => {
  const committed = await readFile(KERNEL_PATH);
  expect(Buffer.compare(await buildKernel(), committed)).toBe(0);
});
