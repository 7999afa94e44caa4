/** Events during a repair: actions of indexd, operators and other workers, and duplicate messages. */
import { describe, expect, test } from "vitest";
import { idBytes } from "../../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { repairSuite } from "../../support/repair-suite.ts";
import type { StoredSlab } from "../../support/repair-world.ts";
import { blockHost, renewContract } from "../../support/seed-indexd.ts";
import { untilEqual } from "../../support/until.ts";

const suite = repairSuite({ hosts: 14 });
const CODE = { minShards: 2, totalShards: 4 } as const;

interface Row {
  readonly next: string;
  readonly failed: number;
  readonly hosts: readonly (number | null)[];
  readonly deltas: number;
}

/** The values in indexd's tables that a repair may change. */
async function indexdsView(slab: StoredSlab): Promise<Row> {
  const [row] = await suite.world.database.sql<Row[]>`
    select s.next_repair_attempt::text as next, s.consecutive_failed_repairs as failed,
      (select array_agg(x.host_id order by ss.slab_index)
        from slab_sectors ss join sectors x on x.id = ss.sector_id where ss.slab_id = s.id) as hosts,
      (select count(*)::integer from stats_deltas) as deltas
    from slabs s where s.id = ${String(slab.id)}`;
  return row!;
}

describe("during a repair", () => {
  test("a heartbeat writes the repair's cost so far into the lease", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const { sql } = suite.world.database;
    const noted = async () => {
      const [lease] = await sql<{ read: string; hastings: string }[]>`
        select bytes_read::text as read, hastings::text from slabmend.leases where slab_id = ${String(slab.id)}`;
      return Number(lease!.read) >= CODE.minShards * SECTOR_BYTES && BigInt(lease!.hastings) > 0n;
    };
    const result = await suite.repair(slab, {
      settings: { leaseMs: 60_000, heartbeatMs: 1_000 },
      timesFaster: 5,
      at: async (step) => {
        if (step === "stored") await untilEqual(noted, true);
      },
    });
    expect(result).toMatchObject({ kind: "repaired", rebuilt: 1 });
  });

  test("if indexd claims the slab, nothing is written to indexd's tables", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    let then: Row | undefined;
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step !== "stored") return;
        await suite.world.database
          .sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
        then = await indexdsView(slab);
      },
    });
    expect(result).toEqual({ kind: "stale", why: "indexd-claimed" });
    expect(await indexdsView(slab)).toEqual(then);
  });

  test("if indexd claims the slab during uploads, the next heartbeat ends the repair", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    for (const { swarm } of slab.hosts) await swarm.setSwitches({ bytesPerSecond: 100_000 });
    suite.allowLeases();
    let then: Row | undefined;
    const result = await suite.repair(slab, {
      settings: { leaseMs: 3_000, heartbeatMs: 1_000 },
      at: async (step) => {
        if (step !== "planned") return;
        await suite.world.database
          .sql`update slabs set next_repair_attempt = now() + interval '1 hour' where id = ${String(slab.id)}`;
        then = await indexdsView(slab);
      },
    });
    expect(result).toEqual({ kind: "stale", why: "the lease was lost in mid-repair" });
    expect(await indexdsView(slab)).toEqual(then);
    expect(await suite.journal(slab)).toEqual([]);
  });

  test("if the lease is reaped and the slab leased again, the first worker writes nothing", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    let second: Awaited<ReturnType<typeof suite.world.lease>> | undefined;
    let then: Row | undefined;
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step !== "stored") return;
        await suite.world.database.sql`delete from slabmend.leases where slab_id = ${String(slab.id)}`;
        second = await suite.world.lease(slab);
        then = await indexdsView(slab);
      },
    });
    expect(result).toEqual({ kind: "stale", why: "lease-gone" });
    expect(await indexdsView(slab)).toEqual(then);
    expect(await suite.repairTask(second!)).toMatchObject({ kind: "repaired", rebuilt: 1 });
    expect(await suite.world.wrongSectors(slab)).toEqual([]);
  });

  test("a heartbeat that finds the lease expired stops the repair at once", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    for (const { swarm } of slab.hosts) await swarm.setSwitches({ bytesPerSecond: 100_000 });
    suite.allowLeases();
    const startedAt = Date.now();
    const result = await suite.repair(slab, {
      settings: { leaseMs: 3_000, heartbeatMs: 1_000 },
      at: async (step) => {
        if (step !== "planned") return;
        await suite.world.database.sql`
          update slabmend.leases set expires_at = clock_timestamp() - interval '1 second' where slab_id = ${String(slab.id)}`;
      },
    });
    expect(result).toEqual({ kind: "stale", why: "the lease was lost in mid-repair" });
    // If the repair had not stopped, its reads would have taken forty seconds.
    expect(Date.now() - startedAt).toBeLessThan(20_000);
    expect((await suite.traffic()).bytesWritten).toBe(0);
    expect(await suite.journal(slab)).toEqual([]);
  });

  test("if the slab is deleted, the repair ends as stale and leaves no lease", async () => {
    const { sql } = suite.world.database;
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step !== "stored") return;
        // Does what indexd does to delete a slab that no account has pinned, statistics included.
        const digest = Buffer.from(idBytes(slab.digest));
        await sql`delete from object_slabs where slab_digest = ${digest}`;
        await sql`delete from account_slabs where slab_id = ${String(slab.id)}`;
        const ids = slab.sectors.map(({ id }) => String(id));
        await sql`delete from slabs where id = ${String(slab.id)}`;
        await sql`delete from sectors where id in ${sql(ids)}`;
        for (const [name, delta] of [
          ["num_slabs", -1],
          ["num_pinned_sectors", -3],
          ["num_unpinnable_sectors", -1],
        ] as const) {
          await sql`update stats set stat_value = stat_value + ${delta} where stat_name = ${name}`;
        }
      },
    });
    expect(result).toEqual({ kind: "stale", why: "slab-gone" });
    const [{ count } = { count: -1 }] = await sql<{ count: number }[]>`
      select count(*)::integer as count from slabmend.leases`;
    expect(count).toBe(0);
  });

  test("if a bad contract is renewed during the repair, the contract's sector is not moved", async () => {
    const { sql } = suite.world.database;
    const slab = await suite.world.storeSlab(CODE);
    const old = slab.hosts[1]!.row;
    await sql`update contracts set good = false where host_id = ${old.id}`;
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step === "stored") await renewContract(sql, old.id, old.contract!);
      },
    });
    expect(result).toMatchObject({ copied: 0, dropped: 1 });
    const [entry] = await suite.journal(slab);
    expect(entry!.dropped).toEqual([{ index: 1, why: "contract-renewed" }]);
    expect((await suite.world.locations(slab))[1]).toBe(slab.hosts[1]);
    expect(await suite.world.wrongSectors(slab)).toEqual([]);
  });

  test("if a sector is moved by indexd during the repair, the commit keeps indexd's newer location", async () => {
    const { sql } = suite.world.database;
    const slab = await suite.world.storeSlab({ ...CODE, on: suite.world.hosts.slice(2) });
    await suite.world.loseSector(slab, 0);
    const other = suite.world.hosts[13]!;
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step !== "stored") return;
        // Does what indexd's MigrateSector does for a lost sector.
        await sql`update sectors set host_id = ${other.row.id}, num_migrated = num_migrated + 1, uploaded_at = now()
          where id = ${String(slab.sectors[0]!.id)}`;
        await sql`update hosts set unpinned_sectors = unpinned_sectors + 1 where id = ${other.row.id}`;
        await sql`insert into stats_deltas (stat_name, stat_delta) values ('num_migrated_sectors', 1),
          ('num_unpinnable_sectors', -1), ('num_unpinned_sectors', 1)`;
      },
    });
    expect(result).toMatchObject({ rebuilt: 0, dropped: 1 });
    const [entry] = await suite.journal(slab);
    expect(entry!.dropped).toEqual([{ index: 0, why: "sector-moved" }]);
    expect((await suite.world.locations(slab))[0]).toBe(other);
  });

  test("a move whose new host is blocked before the commit is dropped, and a later repair moves the sector", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const [target] = suite.spare(slab);
    await suite.onlyCandidates([target!]);
    const result = await suite.repair(slab, {
      at: async (step) => {
        if (step === "stored") await blockHost(suite.world.database.sql, target!.row.hostKey);
      },
    });
    expect(result).toMatchObject({ kind: "interrupted", rebuilt: 0, dropped: 1 });
    const [entry] = await suite.journal(slab);
    expect(entry!.dropped).toEqual([{ index: 0, why: "host-blocked" }]);
    await suite.world.heal();
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 1 });
  });

  test("a commit that fails permanently is a fault, and the lease is released", async () => {
    const { sql } = suite.world.database;
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    // A commit with moves writes to this table and fails. The release of the lease does not write to it and succeeds.
    await sql`alter table slabmend.moved add constraint broken check (moved_at is null) not valid`;
    try {
      expect(await suite.repair(slab)).toMatchObject({ kind: "fault", rebuilt: 0 });
    } finally {
      await sql`alter table slabmend.moved drop constraint broken`;
    }
    const [entry] = await suite.journal(slab);
    expect(entry).toMatchObject({ outcome: "fault", moves: [], error: "23514" });
    // The next repair finds the uploads of the failed repair, and does not repeat them.
    expect(await suite.repair(slab)).toMatchObject({ kind: "repaired", rebuilt: 0, found: 1 });
  });
});

describe("two slabs that share sectors", () => {
  test("never have two sectors of one slab on the same host after they were repaired simultaneously", async () => {
    const first = await suite.world.storeSlab({ minShards: 2, totalShards: 4 });
    // This slab has the key and the data shards of the first slab, and therefore the same first four sectors.
    const second = await suite.world.storeSlab({
      minShards: 2,
      totalShards: 5,
      on: [...first.hosts.slice(0, 2), ...suite.world.hosts.slice(6, 9)],
      slabKey: first.slabKey,
      dataShards: first.dataShards,
    });
    expect(second.sectors.slice(0, 4).map(({ id }) => id)).toEqual(first.sectors.map(({ id }) => id));
    await suite.world.loseSector(first, 0);
    await suite.world.loseSector(second, 4);
    // Few candidates, so that both repairs choose the same hosts again and again.
    await suite.onlyCandidates(suite.world.hosts.slice(9, 12));
    const results = await Promise.all([suite.repair(first), suite.repair(second)]);
    for (const { kind } of results) expect(kind).not.toBe("fault");
    await suite.world.heal();
    await suite.repair(first);
    await suite.repair(second);
    for (const slab of [first, second]) {
      expect(await suite.world.wrongSectors(slab)).toEqual([]);
      expect(new Set(await suite.world.locations(slab)).size).toBe(slab.sectors.length);
    }
  });
});

describe("a message", () => {
  test("delivered twice causes one repair", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const task = await suite.world.lease(slab);
    expect(await suite.repairTask(task)).toMatchObject({ kind: "repaired" });
    const { transfers } = await suite.traffic();
    expect(await suite.repairTask(task)).toEqual({ kind: "stale", why: "no-lease" });
    expect((await suite.traffic()).transfers).toBe(transfers);
  });

  test("delivered to two workers simultaneously is repaired by one of them", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const task = await suite.world.lease(slab);
    const runs = ["a", "b"].map((worker) =>
      suite.open().environment.repair(task, { id: worker, remainingMs: 60_000 }),
    );
    const kinds = (await Promise.all(runs)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(["repaired", "stale"]);
    expect(await suite.journal(slab)).toHaveLength(1);
  });

  test("for a deleted slab is dropped", async () => {
    const slab = await suite.world.storeSlab(CODE);
    const task = await suite.world.lease(slab);
    const stale = { ...task, slabId: (slab.id + 1_000n) as typeof task.slabId };
    expect(await suite.repairTask(stale)).toEqual({ kind: "stale", why: "no-lease" });
    await suite.world.database.sql`delete from slabmend.leases`;
  });
});

describe("invalid rows", () => {
  test("a key of the wrong length is a fault, and the slab waits", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    await suite.world.database
      .sql`update slabs set encryption_key = ${Buffer.alloc(31, 1)} where id = ${String(slab.id)}`;
    expect(await suite.repair(slab)).toMatchObject({ kind: "fault" });
    const [entry] = await suite.journal(slab);
    expect(entry).toMatchObject({ outcome: "fault", error: "malformed-row" });
    expect((await suite.history(slab)).waitsMs).toBeGreaterThan(60_000);
  });

  test("a slab that requires more shards than it has ends with too few sources", async () => {
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    await suite.world.database.sql`update slabs set min_shards = 5 where id = ${String(slab.id)}`;
    expect(await suite.repair(slab)).toMatchObject({ kind: "too-few-sources" });
  });

  test("if the version of indexd's database is too old, no repair begins and no row of indexd changes", async () => {
    const { sql } = suite.world.database;
    const slab = await suite.world.storeSlab(CODE);
    await suite.world.loseSector(slab, 0);
    const task = await suite.world.lease(slab);
    const then = await indexdsView(slab);
    suite.allowLeases();
    await sql`update global_settings set db_version = db_version - 1000`;
    try {
      await expect(suite.repairTask(task)).rejects.toMatchObject({ code: "indexd-too-old" });
    } finally {
      await sql`update global_settings set db_version = db_version + 1000`;
    }
    expect(await indexdsView(slab)).toEqual(then);
    expect((await suite.traffic()).transfers).toBe(0);
  });

  test("a recently blocked host is detected although the network snapshot is cached", async () => {
    const slab = await suite.world.storeSlab(CODE);
    const { environment } = suite.open({ settings: { networkMaxAgeMs: 600_000 } });
    const repair = async () => {
      const task = await suite.world.lease(slab);
      return await environment.repair(task, { id: `test/${task.token}`, remainingMs: 60_000 });
    };
    expect(await repair()).toMatchObject({ kind: "healthy" });
    await blockHost(suite.world.database.sql, slab.hosts[0]!.row.hostKey);
    expect(await repair()).toMatchObject({ kind: "repaired", copied: 1 });
  });
});
