import postgres, { type Sql } from "postgres";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { followTotals } from "../../../lib/database/journal/follow-totals.ts";
import { readJournalRows } from "../../../lib/database/journal/read-journal-rows.ts";
import { sequenceJournal } from "../../../lib/database/journal/sequence-journal.ts";
import { useDatabase } from "../../support/database.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { readStream, seedJournal } from "./journal-rows.ts";

const database = useDatabase({ clearAfterEach: true, max: 6 });
const { sql } = database;
const clients: Sql[] = [];
afterAll(() => Promise.all(clients.map((client) => client.end({ timeout: 5 }))));

/** A separate client, so that its transaction can end in any way. */
const connect = (): Sql => {
  const client = postgres(database.url, { max: 1, onnotice: () => {} }) as Sql;
  clients.push(client);
  return client;
};
const places = async (): Promise<number[]> => (await readStream(sql)).map(({ position }) => position);
let head = 0;
beforeEach(async () => {
  [{ head }] = (await sql`select position::integer as head from slabmend.journal_head`) as unknown as [
    { head: number },
  ];
});

test("a journal row that was inserted first but commits last gets the later position", async () => {
  const late = connect();
  const committed = Promise.withResolvers<void>();
  const inserted = Promise.withResolvers<string>();
  const transaction = late.begin(async (tx) => {
    inserted.resolve((await seedJournal(tx, [{}]))[0]!);
    await committed.promise;
  });
  const first = await inserted.promise;
  const [second] = await seedJournal(sql, [{}]);
  expect(await sequenceJournal(sql)).toBe(1);
  committed.resolve();
  await transaction;
  expect(await sequenceJournal(sql)).toBe(1);
  expect(await readStream(sql)).toEqual([
    { position: head + 1, token: second },
    { position: head + 2, token: first },
  ]);
});

test("simultaneous sequencers assign each position once, and a sequencer that is rolled back assigns none", async () => {
  await seedJournal(
    sql,
    Array.from({ length: 40 }, () => ({})),
  );
  await expect(
    sql.begin(async (tx) => {
      expect(await sequenceJournal(tx)).toBe(40);
      throw new Error("rolled back");
    }),
  ).rejects.toThrow("rolled back");
  expect(await places()).toEqual([]);
  const given = await Promise.all([1, 2, 3, 4].map(() => sequenceJournal(connect())));
  expect(given.reduce((sum, count) => sum + count, 0)).toBe(40);
  expect(await places()).toEqual(Array.from({ length: 40 }, (_, index) => head + 1 + index));
});

/**
 * Runs one transaction after the other. Each transaction inserts rows, and then commits, rolls back or loses its
 * backend.
 */
class Writer {
  #open: { client: Sql; tokens: string[] } | undefined;

  async act(random: () => number, committed: Set<string>): Promise<void> {
    if (this.#open === undefined) {
      const client = connect();
      await client.unsafe("begin");
      const rows = Array.from({ length: 1 + Math.floor(random() * 3) }, () => ({}));
      this.#open = { client, tokens: await seedJournal(client, rows) };
      return;
    }
    const { client, tokens } = this.#open;
    this.#open = undefined;
    const fate = random();
    if (fate < 0.6) {
      await client.unsafe("commit");
      for (const token of tokens) committed.add(token);
    } else if (fate < 0.8) await client.unsafe("rollback");
    else {
      const [backend] = await client<{ pid: number }[]>`select pg_backend_pid() as pid`;
      await sql`select pg_terminate_backend(${backend!.pid})`;
    }
    await client.end({ timeout: 0 });
  }

  async finish(committed: Set<string>): Promise<void> {
    if (this.#open !== undefined) await this.act(() => 0, committed);
  }
}

describe.each([1, 2, 3])("transactions that commit out of order, roll back and crash (%i)", (run) => {
  test("a follower sees each committed row once, in a stream without a gap", async () => {
    const random = seededRandom(run);
    const writers = Array.from({ length: 4 }, () => new Writer());
    const committed = new Set<string>();
    const seen: string[] = [];
    let passed = head;
    const follow = async (): Promise<void> => {
      const rows = await readJournalRows(sql, passed, { mostRows: 3, mostBytes: 1_000_000 });
      passed += rows.length;
      seen.push(...rows.map(({ token }) => token));
    };
    for (let step = 0; step < 120; step += 1) {
      const chosen = random();
      if (chosen < 0.75) await writers[Math.floor(random() * writers.length)]!.act(random, committed);
      else if (chosen < 0.9) await Promise.all([sequenceJournal(sql), sequenceJournal(sql)]);
      else await follow();
    }
    for (const writer of writers) await writer.finish(committed);
    await sequenceJournal(sql);
    await followTotals(sql);
    for (let before = -1; before !== seen.length; ) {
      before = seen.length;
      await follow();
    }
    expect(committed.size).toBeGreaterThan(20);
    expect(seen).toHaveLength(committed.size);
    expect(new Set(seen)).toEqual(committed);
    const [sum] =
      await sql`select sum(jobs)::integer as jobs from slabmend.totals where dimension = 'outcome'`;
    expect(sum).toEqual({ jobs: committed.size });
  });
});
