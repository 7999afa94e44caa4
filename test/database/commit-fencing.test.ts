import { randomUUID } from "node:crypto";
import postgres, { type Sql, type TransactionSql } from "postgres";
import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import {
  type CommitRequest,
  type CommitResult,
  commitRepair,
} from "../../lib/database/leases/commit-repair.ts";
import type { LeaseToken } from "../../lib/slab/ids.ts";
import { useDatabase } from "../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedNetwork,
  seedSlab,
} from "../support/seed-indexd.ts";
import { statisticsThatDisagree } from "../support/seed-statistics.ts";
import { until } from "../support/until.ts";
import { migrateSector } from "./reference-writes.ts";
import { indexdState, leaseByHand, movesFromHere, requestOf } from "./running-lease.ts";

const database = useDatabase({ max: 8 });
const { sql } = database;
let hosts: SeededHost[];
beforeAll(async () => {
  hosts = await seedNetwork(sql, { hosts: 10 });
});

let slab: SeededSlab;
let token: LeaseToken;
let request: CommitRequest;
beforeEach(async () => {
  slab = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
  token = await leaseByHand(sql, slab);
  request = requestOf(slab, token, { moves: await movesFromHere(sql, slab, [[0, hosts[5]!]]) });
});

const leases = () => sql`select 1 from slabmend.leases where slab_id = ${String(slab.id)}`;

describe("a superseded worker changes none of indexd's rows", () => {
  const changesNothing = async (why: string): Promise<void> => {
    const before = await indexdState(sql);
    expect(await commitRepair(sql, request)).toEqual({ kind: "superseded", why });
    expect(await indexdState(sql)).toEqual(before);
    // A repeated call gives the same answer.
    expect(await commitRepair(sql, request)).toEqual({ kind: "superseded", why });
  };

  test("a worker whose lease was reaped changes none of indexd's rows", async () => {
    await sql`delete from slabmend.leases where token = ${token}`;
    await changesNothing("lease-gone");
  });

  test("a worker whose slab was leased again changes none of indexd's rows", async () => {
    await sql`delete from slabmend.leases where token = ${token}`;
    const next = await leaseByHand(sql, slab);
    await changesNothing("lease-gone");
    // The lease of the worker that has the slab now is unchanged.
    expect(await sql`select 1 from slabmend.leases where token = ${next}`).toHaveLength(1);
  });

  test("a worker that never began changes none of indexd's rows", async () => {
    await sql`update slabmend.leases set began_at = null, worker = null where token = ${token}`;
    await changesNothing("never-begun");
  });

  test("a commit after a claim by indexd is superseded", async () => {
    // indexd's claim changes the time by one microsecond here, a difference that JavaScript's dates would not show.
    await sql`
      update slabs set next_repair_attempt = next_repair_attempt + interval '1 microsecond' where id = ${String(slab.id)}`;
    await changesNothing("indexd-claimed");
    expect(await leases()).toHaveLength(0);
    const [entry] =
      await sql`select outcome, error, bytes_read, moves from slabmend.journal where token = ${token}`;
    expect(entry).toEqual({
      outcome: "superseded",
      error: "indexd-claimed",
      bytes_read: "41943040",
      moves: [],
    });
  });

  test("a commit for a deleted or replaced slab is superseded", async () => {
    request = { ...request, digest: "ab".repeat(32) as CommitRequest["digest"] };
    await changesNothing("slab-gone");
    expect(await leases()).toHaveLength(0);
  });

  test("a commit is superseded if indexd's database was replaced by a database of an unknown old version", async () => {
    await sql`update global_settings set db_version = db_version - 1000`;
    try {
      await changesNothing("indexd-changed");
      expect(await leases()).toHaveLength(0);
    } finally {
      await sql`update global_settings set db_version = db_version + 1000`;
    }
  });

  test("a commit is superseded if its lease expired an hour ago, because hosts may have removed the new sectors", async () => {
    // The lease is as if the worker or the database had been suspended between the last heartbeat and the commit,
    // without a run of reap meanwhile.
    await sql`update slabmend.leases set expires_at = clock_timestamp() - interval '61 minutes' where token = ${token}`;
    await changesNothing("lease-expired");
    expect(await leases()).toHaveLength(0);
  });

  test("a commit of a repair whose outcome is stale is superseded, and the lease is removed", async () => {
    request = { ...request, outcome: { kind: "stale" } };
    await changesNothing("reported-stale");
    expect(await leases()).toHaveLength(0);
  });
});

test("a commit records its moves if its lease expired a short time ago and was not reaped", async () => {
  await sql`update slabmend.leases set expires_at = clock_timestamp() - interval '59 minutes' where token = ${token}`;
  expect(await commitRepair(sql, request)).toMatchObject({ kind: "committed", recorded: [0] });
});

describe("idempotent by token", () => {
  test("a second commit with the same token changes no row of indexd and returns the result of the first commit", async () => {
    expect(await commitRepair(sql, request)).toMatchObject({ kind: "committed", recorded: [0] });
    const before = await indexdState(sql);
    expect(await commitRepair(sql, request)).toEqual({ kind: "already-committed", outcome: "repaired" });
    expect(await indexdState(sql)).toEqual(before);
  });

  test("of two simultaneous commits with one token, one commits and the other finds that commit", async () => {
    const results = await Promise.all([commitRepair(sql, request), commitRepair(sql, request)]);
    expect(results.map((result) => result.kind).sort()).toEqual(["already-committed", "committed"]);
    const [sector] = await sql`select num_migrated from sectors where id = ${String(slab.sectors[0]!.id)}`;
    expect(sector).toEqual({ num_migrated: 1 });
  });

  test("a commit is repeated if the connection ends during COMMIT", async () => {
    // A lock on the slab makes the commit wait. The commit's connection is killed once during this wait, and once right
    // after the lock is released, when the commit may have taken effect. Each time exactly one repair must be recorded.
    for (const letItHappen of [false, true]) {
      const here = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 3))] });
      const itsToken = await leaseByHand(sql, here);
      const moves = await movesFromHere(sql, here, [[0, hosts[6]!]]);
      const worker = postgres(database.url, { max: 1, onnotice: () => {}, prepare: false });
      try {
        const [backend] = await worker<{ pid: number }[]>`select pg_backend_pid() as pid`;
        let committing: Promise<unknown> = Promise.resolve();
        await sql.begin(async (tx) => {
          await tx`select 1 from slabs where id = ${String(here.id)} for update`;
          committing = commitRepair(worker, requestOf(here, itsToken, { moves }));
          await waitsForLock(backend!.pid);
          if (!letItHappen) await tx`select pg_terminate_backend(${backend!.pid})`;
        });
        if (letItHappen) await sql`select pg_terminate_backend(${backend!.pid})`;
        const result = (await committing) as { kind: string };
        expect(["committed", "already-committed"]).toContain(result.kind);
        const [sector] =
          await sql`select host_id, num_migrated from sectors where id = ${String(here.sectors[0]!.id)}`;
        expect(sector).toEqual({ host_id: hosts[6]!.id, num_migrated: 1 });
      } finally {
        await worker.end();
      }
    }
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("if the answer to COMMIT is lost, the commit returns the result that it finds in the journal", async () => {
    const lossy = losingAnswers(sql, 1, { code: "CONNECTION_CLOSED" });
    expect(await commitRepair(lossy, request)).toEqual({ kind: "already-committed", outcome: "repaired" });
  });
});

describe("commits and indexd on the same rows: the commit locks before it reads", () => {
  /**
   * Runs indexd's statements (`theirs`), and keeps their transaction open until slabmend's commit waits for the rows
   * that they have locked.
   */
  const besideIndexd = async (theirs: (tx: TransactionSql) => Promise<unknown>) => {
    const worker = postgres(database.url, { max: 1, onnotice: () => {} });
    try {
      const [backend] = await worker<{ pid: number }[]>`select pg_backend_pid() as pid`;
      let committing: Promise<CommitResult> | undefined;
      await sql.begin(async (tx) => {
        await theirs(tx);
        committing = commitRepair(worker, request);
        await waitsForLock(backend!.pid);
      });
      return await committing!;
    } finally {
      await worker.end();
    }
  };

  test("a commit keeps indexd's location of a sector if indexd migrates the sector while the commit waits", async () => {
    const result = await besideIndexd((tx) =>
      migrateSector(tx, { ...request.moves[0]!, newHostId: hosts[6]!.id }),
    );
    expect(result).toMatchObject({ recorded: [], dropped: [{ index: 0, why: "sector-moved" }] });
    const [sector] =
      await sql`select host_id, num_migrated from sectors where id = ${String(slab.sectors[0]!.id)}`;
    expect(sector).toEqual({ host_id: hosts[6]!.id, num_migrated: 1 });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("a commit drops a move to a host if indexd migrates another sector of the slab there while the commit waits", async () => {
    const [move] = await movesFromHere(sql, slab, [[1, hosts[5]!]]);
    const result = await besideIndexd((tx) => migrateSector(tx, move!));
    expect(result).toMatchObject({ recorded: [], dropped: [{ index: 0, why: "host-taken" }] });
  });

  test("a commit records no denial of a sector that indexd migrates while the commit waits", async () => {
    const { id: sectorId, root } = slab.sectors[1]!;
    request = {
      ...request,
      denied: [{ sectorId, root, hostId: hosts[0]!.id, code: "not-found", whole: true, othersServed: true }],
    };
    const [move] = await movesFromHere(sql, slab, [[1, hosts[7]!]]);
    const result = await besideIndexd((tx) => migrateSector(tx, move!));
    expect(result).toMatchObject({ recorded: [0], denialsRecorded: 0, lostRecorded: 0 });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });

  test("a commit is superseded if indexd upgrades to an unknown version while the commit waits", async () => {
    const result = await besideIndexd(async (tx) => {
      await tx`alter table sectors add column meaning text`;
      await tx`update global_settings set db_version = db_version + 1000`;
    });
    await sql.unsafe(
      "alter table sectors drop column meaning; update global_settings set db_version = db_version - 1000",
    );
    expect(result).toEqual({ kind: "superseded", why: "indexd-changed" });
    const [sector] = await sql`select host_id from sectors where id = ${String(slab.sectors[0]!.id)}`;
    expect(sector).toEqual({ host_id: null });
  });

  test("a commit is superseded if indexd claims the slab while the commit waits", async () => {
    const result = await besideIndexd(
      (tx) =>
        tx`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`,
    );
    expect(result).toEqual({ kind: "superseded", why: "indexd-claimed" });
  });

  test("a commit is superseded if indexd deletes the slab while the commit waits", async () => {
    const result = await besideIndexd(async (tx) => {
      await tx`update stats set stat_value = stat_value - 1 where stat_name = 'num_slabs'`;
      await tx`delete from slabs where id = ${String(slab.id)}`;
    });
    expect(result).toEqual({ kind: "superseded", why: "slab-gone" });
  });
});

describe("retries", () => {
  test.each(["40001", "40P01", "55P03"])("a commit succeeds after %s", async (code) => {
    const failing = failingFirst(sql, 3, code);
    const result = await commitRepair(failing, request, { random: () => 0 });
    expect(result).toMatchObject({ kind: "committed", recorded: [0] });
  });

  test("a commit retries after a lock that is held longer than lock_timeout", async () => {
    const impatient = postgres(database.url, {
      max: 1,
      onnotice: () => {},
      connection: { lock_timeout: 50 },
    });
    try {
      let committing: Promise<unknown> = Promise.resolve();
      await sql.begin(async (tx) => {
        await tx`select 1 from slabs where id = ${String(slab.id)} for update`;
        committing = commitRepair(impatient, request);
        await new Promise((resolve) => setTimeout(resolve, 200));
      });
      expect(await committing).toMatchObject({ kind: "committed", recorded: [0] });
    } finally {
      await impatient.end();
    }
  });

  test("after a commit gave up with a typed error, a later call can still commit the repair", async () => {
    const failing = failingFirst(sql, 100, "40001");
    await expect(commitRepair(failing, request, { maxAttempts: 3, random: () => 0 })).rejects.toMatchObject({
      code: "retries-exhausted",
    });
    const gone = failingFirst(sql, 100, "CONNECTION_CLOSED");
    await expect(
      commitRepair(gone, request, { maxConnectionAttempts: 2, random: () => 0 }),
    ).rejects.toMatchObject({ code: "fate-unknown" });
    expect(await commitRepair(sql, request)).toMatchObject({ kind: "committed" });
  });

  test("a commit error other than a conflict is thrown unchanged", async () => {
    await expect(commitRepair(failingFirst(sql, 1, "23514"), request)).rejects.toMatchObject({
      code: "23514",
    });
  });

  test("a commit refuses an isolation level whose snapshots miss later commits", async () => {
    await expect(
      sql.begin("isolation level repeatable read", (tx) => commitRepair(tx, request)),
    ).rejects.toMatchObject({ code: "25000" });
  });
});

describe("two simultaneous commits", () => {
  const share = async () => {
    const one = await seedSlab(sql, { minShards: 1, sectors: [LOST, LOST, ...placeOn(hosts.slice(0, 2))] });
    const sharedRoot = one.sectors[0]!.root;
    const two = await seedSlab(sql, {
      minShards: 1,
      sectors: [{ ...LOST, root: sharedRoot }, LOST, ...placeOn(hosts.slice(2, 4))],
    });
    return { one, two };
  };
  /** Pairs of sectors that belong to the same slab and are on the same host. */
  const collisions = () => sql`
    select a.slab_id, x.host_id from slab_sectors a
    join slab_sectors b on b.slab_id = a.slab_id and b.sector_id > a.sector_id
    join sectors x on x.id = a.sector_id join sectors y on y.id = b.sector_id and y.host_id = x.host_id`;

  test("if repairs of two slabs that share a sector choose the same host, one of the two moves is dropped", async () => {
    for (let round = 0; round < 10; round += 1) {
      const { one, two } = await share();
      const target = hosts[7]!;
      const requests = await Promise.all(
        // The first commit moves the shared sector to the host; the second moves a sector that only its own slab has.
        [[one, 0] as const, [two, 1] as const].map(async ([which, index]) =>
          requestOf(which, await leaseByHand(sql, which), {
            moves: await movesFromHere(sql, which, [[index, target]]),
          }),
        ),
      );
      const results = await Promise.all(requests.map((each) => commitRepair(sql, each)));
      const recorded = results.flatMap((result) => (result.kind === "committed" ? result.recorded : []));
      expect(recorded).toHaveLength(1);
      expect(await collisions()).toEqual([]);
    }
  });

  test("if two repairs, each of a sector shared with a third slab, choose one host, one of the moves is dropped", async () => {
    for (let round = 0; round < 10; round += 1) {
      const one = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(0, 2))] });
      const two = await seedSlab(sql, { minShards: 1, sectors: [LOST, ...placeOn(hosts.slice(2, 4))] });
      await seedSlab(sql, {
        minShards: 1,
        sectors: [one, two].map((each) => ({ ...LOST, root: each.sectors[0]!.root })),
      });
      const requests = await Promise.all(
        [one, two].map(async (which) =>
          requestOf(which, await leaseByHand(sql, which), {
            moves: await movesFromHere(sql, which, [[0, hosts[8]!]]),
          }),
        ),
      );
      const results = await Promise.all(requests.map((each) => commitRepair(sql, each)));
      const recorded = results.flatMap((result) => (result.kind === "committed" ? result.recorded : []));
      expect(recorded).toHaveLength(1);
      expect(await collisions()).toEqual([]);
    }
  });

  test("many commits to the same few hosts all succeed despite deadlocks, and the counters are correct", async () => {
    const slabs = await Promise.all(
      Array.from({ length: 24 }, () =>
        seedSlab(sql, { minShards: 1, sectors: [LOST, LOST, LOST, ...placeOn(hosts.slice(0, 2))] }),
      ),
    );
    const requests = await Promise.all(
      slabs.map(async (each, n) => {
        const targets = [4, 5, 6, 7].filter((host) => host !== 4 + (n % 4)).map((host) => hosts[host]!);
        if (n % 2 === 0) targets.reverse();
        const moves = await movesFromHere(
          sql,
          each,
          targets.map((host, index) => [index, host] as const),
        );
        return requestOf(each, await leaseByHand(sql, each), { moves });
      }),
    );
    const results = await Promise.all(requests.map((each) => commitRepair(sql, each)));
    for (const result of results) expect(result).toMatchObject({ kind: "committed", recorded: [0, 1, 2] });
    expect(await statisticsThatDisagree(sql)).toEqual([]);
  });
});

const waitsForLock = (pid: number) =>
  until(
    () => sql`select from pg_stat_activity where pid = ${pid} and wait_event_type = 'Lock'`,
    (waiting) => waiting.length > 0,
  );

/** A client whose first statements fail before they reach the database. */
function failingFirst(client: Sql, times: number, code: string): Sql {
  let left = times;
  return new Proxy(client, {
    apply(target, _self, args: never[]) {
      if (left === 0) return Reflect.apply(target, undefined, args);
      left -= 1;
      return Promise.reject(Object.assign(new Error("made up"), { code }));
    },
  });
}

/** A client whose first statements take effect, but whose answers are lost. */
function losingAnswers(client: Sql, times: number, { code }: { code: string }): Sql {
  let left = times;
  return new Proxy(client, {
    async apply(target, _self, args: never[]) {
      const answer = await Reflect.apply(target, undefined, args);
      if (left === 0) return answer;
      left -= 1;
      throw Object.assign(new Error(`made up ${randomUUID()}`), { code });
    },
  });
}
