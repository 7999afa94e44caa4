import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { beforeEach, expect, test } from "vitest";
import type { ArchiveStorage } from "../../lib/archive/archive-storage.ts";
import { encodeManifest, manifestOf } from "../../lib/archive/manifest.ts";
import { verifyArchive } from "../../lib/archive/read-archive.ts";
import { encodeSegment, type Segment } from "../../lib/archive/segment.ts";
import type { JournalRow } from "../../lib/database/journal/read-journal-rows.ts";
import { hex32 } from "../database/journal/journal-rows.ts";
import { archivedTokens, never, storageIn, useFolder, WALLET } from "../jobs/journal/archive-fixture.ts";

const folder = useFolder();
let storage: ArchiveStorage;
let segments: Segment[];

const token = (incarnation: number, position: number): string =>
  `00000000-0000-4000-8000-${String(incarnation).padStart(4, "0")}${String(position).padStart(8, "0")}`;

function rowAt(incarnation: number, position: number): JournalRow {
  const at = "2026-11-30T08:00:00.000000Z";
  const [root, host] = [hex32(), hex32()];
  return {
    incarnation,
    position,
    token: token(incarnation, position),
    kind: "repair",
    slabId: "9007199254740993",
    digest: hex32(),
    outcome: "repaired",
    reportedOutcome: "repaired",
    error: null,
    moves: [{ index: 0, root, from: null, to: host, how: "rebuilt" }],
    lost: [{ root, host }],
    dropped: [],
    bytesRead: 1,
    bytesWritten: 2,
    hastings: "1000000000000000000000000",
    phasesMs: { copy: 1.5 },
    worker: "w",
    leasedAt: at,
    beganAt: at,
    finishedAt: at,
  };
}

async function write(incarnation: number, from: number, to: number, walletHash = WALLET): Promise<void> {
  const rows = Array.from({ length: to - from + 1 }, (_, index) => rowAt(incarnation, from + index));
  const segment = encodeSegment(rows, { walletHash, previous: segments.at(-1)?.ref ?? null });
  await storage.create(segment.ref.key, segment.file, never);
  const head = await storage.readHead(never);
  const manifest = encodeManifest({ ...manifestOf(segment), walletHash: WALLET });
  await storage.replaceHead(manifest, head?.version, never);
  segments.push(segment);
}

const pathOf = (index: number): string => join(folder.path, segments[index]!.ref.key);
const verify = (after?: { incarnation: number; position: number }) =>
  verifyArchive(storage, { walletHash: WALLET, ...(after && { after }) }, never);

beforeEach(async () => {
  storage = storageIn(folder);
  segments = [];
  await write(1, 1, 3);
  await write(1, 4, 4);
  await write(1, 5, 9);
});

test("readArchive returns the rows after a position: all rows, a part of a segment, or none", async () => {
  const tokens = Array.from({ length: 9 }, (_, index) => token(1, index + 1));
  expect(await archivedTokens(storage)).toEqual(tokens);
  for (const position of [0, 1, 3, 4, 7, 9]) {
    expect(await archivedTokens(storage, { incarnation: 1, position })).toEqual(tokens.slice(position));
  }
  expect((await verify({ incarnation: 1, position: 4 })).segments).toBe(1);
  expect(await verify({ incarnation: 1, position: 9 })).toMatchObject({ segments: 0, end: { position: 9 } });
});

test("readArchive returns the rows after a position and all rows of later incarnations, even at lower positions", async () => {
  await write(2, 3, 5);
  const rows = [5, 6, 7, 8, 9].map((position) => token(1, position));
  expect(await archivedTokens(storage, { incarnation: 1, position: 4 })).toEqual([
    ...rows,
    ...[3, 4, 5].map((position) => token(2, position)),
  ]);
  expect(await archivedTokens(storage, { incarnation: 2, position: 4 })).toEqual([token(2, 5)]);
  await write(3, 7, 7);
  await expect(verify()).rejects.toMatchObject({ code: "archive-altered" });
});

const edit = async (index: number, change: (content: string) => string): Promise<void> => {
  const content = gunzipSync(await readFile(pathOf(index))).toString();
  await writeFile(pathOf(index), gzipSync(change(content)));
};

test.each<[string, string, () => Promise<void>]>([
  ["a segment is gone", "archive-missing", () => rm(pathOf(1))],
  ["the last segment is gone", "archive-missing", () => rm(pathOf(2))],
  ["the manifest is gone", "archive-missing", () => rm(join(folder.path, "manifests"), { recursive: true })],
  ["a segment is empty", "archive-altered", () => writeFile(pathOf(1), "")],
  [
    "a segment is truncated",
    "archive-altered",
    async () => writeFile(pathOf(2), (await readFile(pathOf(2))).subarray(0, -20)),
  ],
  [
    "one bit of a segment is changed",
    "archive-altered",
    async () => {
      const file = await readFile(pathOf(0));
      file[file.length >> 1]! ^= 1;
      await writeFile(pathOf(0), file);
    },
  ],
  [
    "a row is changed",
    "archive-altered",
    () => edit(1, (text) => text.replace('"worker":"w"', '"worker":"x"')),
  ],
  [
    "a row is gone",
    "archive-altered",
    () => edit(2, (text) => `${text.trimEnd().split("\n").slice(0, -1).join("\n")}\n`),
  ],
  [
    "two segments are exchanged",
    "archive-altered",
    async () => writeFile(pathOf(1), await readFile(pathOf(2))),
  ],
  [
    "the manifest is not JSON",
    "archive-altered",
    () => writeFile(join(folder.path, "manifests", "000000000004.json"), "{"),
  ],
  ["a segment is missing from the manifest", "archive-altered", () => write(1, 11, 12)],
  [
    "a segment belongs to another indexer",
    "archive-of-another-indexer",
    () => write(1, 10, 10, "cd".repeat(32)),
  ],
])("%s: a clear error, and no row", async (_what, code, damage) => {
  await damage();
  await expect(verify()).rejects.toMatchObject({ code });
});

test("reading fails with archive-altered if a segment is altered after the check", async () => {
  const verified = await verify();
  await edit(1, (text) => text.replace('"worker":"w"', '"worker":"x"'));
  const read: string[] = [];
  await expect(
    (async () => {
      for await (const row of verified.rows()) read.push(row.token);
    })(),
  ).rejects.toMatchObject({ code: "archive-altered" });
  expect(read).toHaveLength(3);
});

test("an archive of another indexer, or one that ends before or begins after the requested position, is refused", async () => {
  await expect(verify({ incarnation: 1, position: 10 })).rejects.toMatchObject({ code: "archive-altered" });
  await expect(verifyArchive(storage, { walletHash: "cd".repeat(32) }, never)).rejects.toMatchObject({
    code: "archive-of-another-indexer",
  });
  const late = storageIn({ path: join(folder.path, "late") });
  storage = late;
  segments = [];
  await write(1, 6, 9);
  await expect(verify({ incarnation: 1, position: 4 })).rejects.toMatchObject({ code: "archive-altered" });
  expect(await archivedTokens(late, { incarnation: 1, position: 5 })).toHaveLength(4);
});

test("a directory never overwrites a file, nor a manifest that another process has replaced since the read", async () => {
  expect(await storage.create("segments/x", Buffer.from("1"), never)).toBe(true);
  expect(await storage.create("segments/x", Buffer.from("2"), never)).toBe(false);
  expect(Buffer.from((await storage.read("segments/x", never))!).toString()).toBe("1");
  const { version } = (await storage.readHead(never))!;
  const won = await Promise.all(
    [1, 2, 3].map((by) => storage.replaceHead(Buffer.from(String(by)), version, never)),
  );
  expect(won.filter(Boolean)).toHaveLength(1);
  // A writer that still has `version` comes very late: after 15 more manifests, the manifest that replaced `version`
  // has been removed as too old.
  for (let round = 0; round < 15; round += 1) {
    const { version: newest } = (await storage.readHead(never))!;
    expect(await storage.replaceHead(Buffer.from(`round ${round}`), newest, never)).toBe(true);
  }
  expect(await storage.replaceHead(Buffer.from("late"), version, never)).toBe(false);
  expect(Buffer.from((await storage.readHead(never))!.bytes).toString()).toBe("round 14");
});
