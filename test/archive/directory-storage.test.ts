import { readlinkSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { never, storageIn, useFolder } from "../jobs/journal/archive-fixture.ts";

const folder = useFolder();

/** The files and directories that are made durable during `work`, by their paths in the archive. */
async function syncedDuring(work: () => Promise<unknown>): Promise<string[]> {
  const handle = await open(folder.path, "r");
  const prototype = Object.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  const { sync } = prototype;
  const synced: string[] = [];
  prototype.sync = function (this: FileHandle) {
    synced.push(readlinkSync(`/proc/self/fd/${this.fd}`));
    return sync.call(this);
  };
  try {
    await work();
  } finally {
    prototype.sync = sync;
  }
  return synced;
}

test("a segment's name and its new directories are durable, even if another process died just after creating it", async () => {
  const storage = storageIn(folder);
  const create = () => storage.create("segments/000001/x", Buffer.from("x"), never);
  const directories = ["segments/000001", "segments", "."].map((path) => join(folder.path, path));
  expect(await syncedDuring(create)).toEqual(expect.arrayContaining(directories));
  const again = await syncedDuring(async () => expect(await create()).toBe(false));
  expect(again).toEqual(expect.arrayContaining(directories));
});
