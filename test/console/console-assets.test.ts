import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bundleConsole, CONSOLE_POLICY, consoleAssets } from "../../lib/console/console-assets.ts";

test("the console's page names its files with their hashes, and all of these files exist", async () => {
  const assets = await consoleAssets("/nowhere");
  const page = Buffer.from(assets.get("/")!.content).toString("utf8");
  const named = [...page.matchAll(/(?:href|src)="([^"]+)"/g)].map(([, path]) => path!);
  expect(named).toHaveLength(3);
  for (const path of named) {
    expect(path).toMatch(/^\/assets\/console-[0-9a-f]{12}\.(css|js|svg)$/);
    expect(assets.get(path)).toMatchObject({ immutable: true });
  }
  expect(assets.get("/")).toMatchObject({ immutable: false, type: "text/html; charset=utf-8" });
  // The page contains nothing that its content security policy would refuse.
  expect(page).not.toMatch(/<style|style="|<script>|https?:/);
  expect(CONSOLE_POLICY["default-src"]).toEqual(["'none'"]);
});

test("the console's files are the same whether a package or a clone serves them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-console-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, content] of await bundleConsole()) await writeFile(join(folder, name), content);
  const etags = (assets: Awaited<ReturnType<typeof consoleAssets>>) =>
    Object.fromEntries([...assets].map(([path, { etag }]) => [path, etag]));
  expect(etags(await consoleAssets(folder))).toEqual(etags(await consoleAssets("/nowhere")));
});
