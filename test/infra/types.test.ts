import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { REPOSITORY } from "./support/evaluate.ts";

test("sst.config.ts and infra/ compile with the types of SST's platform", async () => {
  const tsc = promisify(execFile)(join(REPOSITORY, "node_modules/.bin/tsc"), ["-p", "infra"], {
    cwd: REPOSITORY,
  });
  await expect(
    tsc.catch((error: { stdout: string }) => Promise.reject(new Error(error.stdout))),
  ).resolves.toEqual({
    stdout: "",
    stderr: "",
  });
});
