import { defineConfig } from "vitest/config";

/** The suites that hold slabmend against software that nobody here wrote: `vitest run --config vitest.interop.config.ts`. */
export default defineConfig({
  test: {
    include: ["test/interop/**/*.test.ts"],
    // A real peer is one process with one database: its suites take turns.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    reporters: ["default"],
  },
});
