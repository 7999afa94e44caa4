import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { afterAll, beforeEach, describe, expect, inject, test } from "vitest";
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { readFollowers } from "../../../lib/database/journal/followers.ts";
import { raiseIncarnation } from "../../../lib/database/journal/incarnation.ts";
import { sequenceJournal } from "../../../lib/database/journal/sequence-journal.ts";
import { readStatus } from "../../../lib/database/reports/read-status.ts";
import type { ArchiveStep } from "../../../lib/jobs/journal/follow-archive.ts";
import { seedJournal } from "../../database/journal/journal-rows.ts";
import { createTestDatabase, type TestDatabase, useDatabase } from "../../support/database.ts";
import { archive, archivedTokens, setWallet, storageIn, useFolder } from "./archive-fixture.ts";

const { sql } = useDatabase({ clearAfterEach: true });
const folder = useFolder();
let storage: ArchiveStorage;
beforeEach(async () => {
  storage = storageIn(folder);
  await setWallet(sql);
});

const some = (count: number): object[] => Array.from({ length: count }, () => ({}));
const stopOf = async (client: Sql): Promise<string | undefined> =>
  (await readFollowers(client)).find(({ name }) => name.startsWith("archive"))?.stoppedBy;

test("the archive equals the journal, and a second archive begins with the journal's oldest row", async () => {
  const tokens = await seedJournal(sql, some(5));
  expect(await archive(sql, storage)).toEqual({ segments: 1, rows: 5, stopped: undefined });
  tokens.push(...(await seedJournal(sql, some(3))));
  expect(await archive(sql, storage)).toEqual({ segments: 1, rows: 3, stopped: undefined });
  expect(await archive(sql, storage)).toEqual({ segments: 0, rows: 0, stopped: undefined });
  expect(await archivedTokens(storage)).toEqual(tokens);
  const other = storageIn({ path: join(folder.path, "other") });
  expect(await archive(sql, other)).toMatchObject({ segments: 1, rows: 8 });
  expect(await archivedTokens(other)).toEqual(tokens);
  expect(
    (await readStatus(sql, { dangerAbove: 1e-3 })).followers.map(({ rowsBehind }) => rowsBehind),
  ).toEqual([0, 0]);
});

test("if two processes archive simultaneously, the archive contains each row once", async () => {
  const tokens: string[] = [];
  for (let round = 0; round < 5; round += 1) {
    tokens.push(...(await seedJournal(sql, some(3))));
    const reports = await Promise.all([archive(sql, storage), archive(sql, storage), archive(sql, storage)]);
    expect(reports.map(({ stopped }) => stopped)).toEqual([undefined, undefined, undefined]);
  }
  await archive(sql, storage);
  expect(await archivedTokens(storage)).toEqual(tokens);
});

test("a file that a bucket refuses to create, because another process is writing it, does not count as missing", async () => {
  const tokens = await seedJournal(sql, some(3));
  let refusals = 0;
  const busy: ArchiveStorage = {
    ...storage,
    create: async (...file) => (refusals++ === 0 ? false : await storage.create(...file)),
  };
  expect(await archive(sql, busy)).toEqual({ segments: 1, rows: 3, stopped: undefined });
  expect(await archivedTokens(storage)).toEqual(tokens);
});

const STEPS: readonly ArchiveStep[] = ["segment-created", "manifest-replaced", "checkpoint-moved"];
test.each(STEPS)(
  "if an archive follower ends after %s, the next follower continues the archive without gaps or duplicates",
  async (last) => {
    const tokens = await seedJournal(sql, some(3));
    await archive(sql, storage);
    tokens.push(...(await seedJournal(sql, some(2))));
    const crash = (name: ArchiveStep): void => {
      if (name === last) throw new Error("crash");
    };
    expect((await archive(sql, storage, crash)).stopped?.code).toBe("archive-failed");
    // These rows come into the journal before the follower continues.
    tokens.push(...(await seedJournal(sql, some(2))));
    expect((await archive(sql, storage)).stopped).toBeUndefined();
    expect(await stopOf(sql)).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual(tokens);
  },
);

describe("a rewound or copied database", () => {
  let clones: TestDatabase[] = [];
  afterAll(async () => {
    for (const clone of clones) await clone.drop();
  });
  async function createIndexer(): Promise<TestDatabase> {
    const database = await createTestDatabase();
    await setWallet(database.sql);
    return database;
  }
  /** A copy of `source` at this moment, like a backup that is restored later. */
  async function backUp(source: TestDatabase): Promise<TestDatabase> {
    const clone = await createTestDatabase({ schema: "empty" });
    await clone.sql.end();
    await source.sql.end();
    const admin = postgres(inject("database").adminUrl, { max: 1, onnotice: () => {} });
    const name = (url: string): string => new URL(url).pathname.slice(1);
    await admin.unsafe(`drop database ${name(clone.url)}`);
    await admin.unsafe(`create database ${name(clone.url)} template ${name(source.url)}`);
    await admin.end();
    const again = (database: TestDatabase): TestDatabase => {
      const client = postgres(database.url, { max: 2, onnotice: () => {} }) as Sql;
      return {
        url: database.url,
        sql: client,
        drop: async () => {
          await client.end({ timeout: 5 });
          await database.drop();
        },
      };
    };
    clones = [...clones.filter((each) => each !== source), again(clone), again(source)];
    return clones.at(-2)!;
  }
  const reopened = (): Sql => clones.at(-1)!.sql;

  /** Archives three rows, makes a backup, and archives four more rows. `restored` is the database of the backup. */
  async function rewind(): Promise<{ restored: Sql; original: Sql; tokens: string[] }> {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(3));
    await archive(source.sql, storage);
    const restored = (await backUp(source)).sql;
    const original = reopened();
    for (let segment = 0; segment < 2; segment += 1) {
      tokens.push(...(await seedJournal(original, some(2))));
      await archive(original, storage);
    }
    return { restored, original, tokens };
  }

  test("is detected before anything is archived, and in every later run", async () => {
    const { restored, original, tokens } = await rewind();
    for (let run = 0; run < 3; run += 1) {
      const report = await archive(restored, storage);
      expect(report).toMatchObject({ segments: 0, rows: 0, stopped: { code: "archive-rewound" } });
      expect(await stopOf(restored)).toBe("archive-rewound");
      await seedJournal(restored, some(2));
    }
    expect(await archivedTokens(storage)).toEqual(tokens);
    expect((await archive(original, storage)).stopped).toBeUndefined();
  });

  test("is detected even if its journal has other rows at the positions of the archive's last segment", async () => {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(3));
    await archive(source.sql, storage);
    const copy = (await backUp(source)).sql;
    const original = reopened();
    await seedJournal(copy, some(2));
    tokens.push(...(await seedJournal(original, some(2))));
    await archive(original, storage);
    expect((await archive(copy, storage)).stopped?.code).toBe("archive-rewound");
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test("continues after the archive's last row once the database's incarnation is raised", async () => {
    const { restored, tokens } = await rewind();
    expect(await raiseIncarnation(restored, 1)).toBe(2);
    const after = await seedJournal(restored, some(2));
    expect(await archive(restored, storage)).toMatchObject({ stopped: undefined });
    after.push(...(await seedJournal(restored, some(1))));
    await archive(restored, storage);
    expect(await archivedTokens(storage)).toEqual([...tokens, ...after]);
    // A restore of this backup must read all rows after the backup's checkpoint.
    expect(await archivedTokens(storage, { incarnation: 1, position: 3 })).toEqual([
      ...tokens.slice(3),
      ...after,
    ]);
  });

  test("archives in the later incarnation the rows that it got since the backup's restore", async () => {
    const { restored, tokens } = await rewind();
    // These rows get positions at which the archive already has other rows.
    const between = await seedJournal(restored, some(3));
    expect((await archive(restored, storage)).stopped?.code).toBe("archive-rewound");
    await raiseIncarnation(restored, 1);
    const after = await seedJournal(restored, some(2));
    expect((await archive(restored, storage)).stopped).toBeUndefined();
    after.push(...(await seedJournal(restored, some(1))));
    expect((await archive(restored, storage)).stopped).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual([...tokens, ...between, ...after]);
  });

  test("archives no row twice in a later incarnation if the backup has more rows than its checkpoint says", async () => {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(3));
    await archive(source.sql, storage);
    tokens.push(...(await seedJournal(source.sql, some(2))));
    const crash = (name: ArchiveStep): void => {
      if (name === "manifest-replaced") throw new Error("crash");
    };
    await archive(source.sql, storage, crash);
    const restored = (await backUp(source)).sql;
    const original = reopened();
    for (let segment = 0; segment < 2; segment += 1) {
      tokens.push(...(await seedJournal(original, some(2))));
      await archive(original, storage);
    }
    await raiseIncarnation(restored, 1);
    tokens.push(...(await seedJournal(restored, some(1))));
    expect((await archive(restored, storage)).stopped).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test("continues in a later incarnation although a crash left a segment with more rows than the backup", async () => {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(3));
    await archive(source.sql, storage);
    tokens.push(...(await seedJournal(source.sql, some(2))));
    await sequenceJournal(source.sql);
    const restored = (await backUp(source)).sql;
    const original = reopened();
    tokens.push(...(await seedJournal(original, some(2))));
    const crash = (name: ArchiveStep): void => {
      if (name === "segment-created") throw new Error("crash");
    };
    expect((await archive(original, storage, crash)).stopped?.code).toBe("archive-failed");
    expect((await archive(restored, storage)).stopped?.code).toBe("archive-rewound");
    await raiseIncarnation(restored, 1);
    tokens.push(...(await seedJournal(restored, some(2))));
    expect((await archive(restored, storage)).stopped).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test("archives the rows from before slabmend restore even if the same backup is restored a second time", async () => {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(3));
    await archive(source.sql, storage);
    const second = (await backUp(source)).sql;
    const first = reopened();
    await raiseIncarnation(first, 1);
    tokens.push(...(await seedJournal(first, some(4))));
    await archive(first, storage);
    // In the archive, incarnation 1 has no rows at the positions of these rows.
    tokens.push(...(await seedJournal(second, some(2))));
    expect((await archive(second, storage)).stopped?.code).toBe("archive-rewound");
    expect(await raiseIncarnation(second, 2)).toBe(3);
    tokens.push(...(await seedJournal(second, some(1))));
    expect((await archive(second, storage)).stopped).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual(tokens);
  });

  test("continues after a second restore if the backup has rows of two archived incarnations", async () => {
    const source = await createIndexer();
    const tokens = await seedJournal(source.sql, some(2));
    await sequenceJournal(source.sql);
    const first = await backUp(source);
    tokens.push(...(await seedJournal(reopened(), some(2))));
    await archive(reopened(), storage);
    await raiseIncarnation(first.sql, 1);
    tokens.push(...(await seedJournal(first.sql, some(2))));
    await sequenceJournal(first.sql);
    const second = (await backUp(first)).sql;
    tokens.push(...(await seedJournal(reopened(), some(2))));
    expect((await archive(reopened(), storage)).stopped).toBeUndefined();
    expect(await raiseIncarnation(second, 2)).toBe(3);
    tokens.push(...(await seedJournal(second, some(1))));
    expect((await archive(second, storage)).stopped).toBeUndefined();
    expect(await archivedTokens(storage)).toEqual(tokens);
  });
});

test("an unknown wallet is noted for status and alarms even before the first segment", async () => {
  await seedJournal(sql, some(1));
  await sql`update slabmend.indexd set wallet_hash = null`;
  await archive(sql, storage);
  expect(await stopOf(sql)).toBe("wallet-unknown");
});

test("a gap in the journal, another indexer's archive and an unknown wallet stop archiving, each with its own error code", async () => {
  await seedJournal(sql, some(4));
  await archive(sql, storage);
  await setWallet(sql, "cd".repeat(32));
  expect((await archive(sql, storage)).stopped?.code).toBe("archive-of-another-indexer");
  await sql`update slabmend.indexd set wallet_hash = null`;
  expect((await archive(sql, storage)).stopped?.code).toBe("wallet-unknown");
  await setWallet(sql);
  const [first] = await seedJournal(sql, some(2));
  await sequenceJournal(sql);
  await sql`delete from slabmend.journal where token = ${first!}`;
  expect((await archive(sql, storage)).stopped?.code).toBe("journal-gap");
  expect(await stopOf(sql)).toBe("journal-gap");
});

test("if manifests are missing, no new archive begins; if the directory is not writable, archiving is retried", async () => {
  const tokens = await seedJournal(sql, some(2));
  await archive(sql, storage);
  const manifests = join(folder.path, "manifests");
  const names = await readdir(manifests);
  await rm(manifests, { recursive: true });
  expect((await archive(sql, storage)).stopped?.code).toBe("archive-missing");
  await mkdir(manifests);
  const { encodeManifest, manifestOf } = await import("../../../lib/archive/manifest.ts");
  const { decodeSegment, segmentKey } = await import("../../../lib/archive/segment.ts");
  const [{ first }] =
    (await sql`select min(position)::integer as first from slabmend.journal`) as unknown as [
      { first: number },
    ];
  const key = segmentKey(1, first);
  const file = await storage.read(key, new AbortController().signal);
  await writeFile(join(manifests, names[0]!), encodeManifest(manifestOf(decodeSegment(key, file!))));
  await rm(join(folder.path, "unfinished"), { recursive: true });
  await writeFile(join(folder.path, "unfinished"), "a file where a folder must be");
  tokens.push(...(await seedJournal(sql, some(1))));
  expect((await archive(sql, storage)).stopped?.code).toBe("archive-unavailable");
  await rm(join(folder.path, "unfinished"));
  expect((await archive(sql, storage)).stopped).toBeUndefined();
  expect(await archivedTokens(storage)).toEqual(tokens);
});
