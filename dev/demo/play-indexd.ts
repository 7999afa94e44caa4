/**
 * Simulates a running indexd with shorter loops while slabmend repairs: it pins new sectors to contracts, funds the
 * account, folds statistics and publishes events. docs/protocol.md#what-happens-after-a-migration.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import { retryTransaction } from "../../lib/database/client/retry-transaction.ts";
import type { HostId } from "../../lib/slab/ids.ts";
import { parseRoot } from "../../lib/slab/ids.ts";
import { SECTOR_BYTES } from "../../lib/slab/sizes.ts";
import { type PublishedEvent, publishEvents } from "../indexd/publish-events.ts";
import { foldStatistics } from "../indexd/seed-statistics.ts";
import { arrayLiteral } from "./array-literal.ts";
import { isDatabaseAway } from "./database-away.ts";
import { type DemoHost, FUNDING_TARGET_HASTINGS } from "./register-hosts.ts";

export interface IndexdLoops {
  readonly pinEveryMs: number;
  readonly fundEveryMs: number;
  readonly foldEveryMs: number;
  readonly publishEveryMs: number;
}

/**
 * Once this time has passed without a new event, all stamps lie in the past: before database version 24, a writer gives
 * an event a stamp that is up to two seconds ahead of the clock.
 */
const LAST_SECOND_MS = 3_100;

export interface PlayedIndexd {
  /**
   * Makes one more pass, then stops.
   * @returns the first error of any pass; an error means that the database broke an assumption of indexd
   */
  stop(): Promise<Error | undefined>;
  /** Events that indexd has published to the stream. */
  readonly published: readonly PublishedEvent[];
}

export function playIndexd(parts: {
  readonly sql: Sql;
  readonly hosts: readonly DemoHost[];
  readonly account: Uint8Array;
  readonly loops: IndexdLoops;
}): PlayedIndexd {
  const { sql, hosts, account, loops } = parts;
  const published: PublishedEvent[] = [];
  const passes = {
    publish: async () => void published.push(...(await publishEvents(sql))),
    pin: () => pinSectors(sql, hosts),
    fund: () => fundAccount(sql, hosts, account),
    fold: () => retryTransaction("indexd's statistics", () => foldStatistics(sql)),
  };
  let failure: Error | undefined;
  const underWay = new Map<string, Promise<void>>();
  /** Starts a pass, unless a pass of the same name is still running: indexd, too, runs one pass of a loop at a time. */
  const start = (name: keyof typeof passes): Promise<void> => {
    const running =
      underWay.get(name) ??
      passes[name]()
        .catch((error: unknown) => {
          // The database was interrupted; the next pass does the work of this pass.
          if (isDatabaseAway(error)) return;
          failure ??= error instanceof Error ? error : new Error(String(error));
        })
        .finally(() => underWay.delete(name));
    underWay.set(name, running);
    return running;
  };
  const timers = [
    setInterval(() => void start("pin"), loops.pinEveryMs),
    setInterval(() => void start("fund"), loops.fundEveryMs),
    setInterval(() => void start("fold"), loops.foldEveryMs),
    setInterval(() => void start("publish"), loops.publishEveryMs),
  ];
  return {
    published,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await Promise.all(underWay.values());
      await start("pin");
      await start("fold");
      // indexd publishes at most one batch per clock second, and only after the second of the last stamp has passed.
      await sleep(LAST_SECOND_MS);
      await start("publish");
      return failure;
    },
  };
}

interface UnpinnedSector {
  readonly id: string;
  readonly root: string;
  readonly host_id: HostId;
  readonly map_id: number;
}

/** Appends the unpinned sectors of each good host to a good contract of that host. */
async function pinSectors(sql: Sql, hosts: readonly DemoHost[]): Promise<void> {
  const unpinned = await sql<UnpinnedSector[]>`
    select s.id::text, encode(s.sector_root, 'hex') as root, s.host_id, chosen.map_id
    from sectors s
    join slabmend.host_states() h on h.host_id = s.host_id and h.good and h.has_healthy_contract
    cross join lateral (
      select m.id as map_id
      from contracts c
      join contract_sectors_map m on m.contract_id = c.contract_id
      join slabmend.contract_states() state on state.contract_id = c.contract_id and state.healthy
      where c.host_id = s.host_id
      order by c.capacity - c.size desc limit 1
    ) chosen
    where s.host_id is not null and s.contract_sectors_map_id is null`;
  const appended: UnpinnedSector[] = [];
  for (const sector of unpinned) {
    const host = hosts.find(({ row }) => row.id === sector.host_id);
    // A host without the sector would refuse, and indexd would mark the sector as lost. The demo does not mark sectors
    // here, because its hosts do not forget writes.
    if (await host?.swarm.pinSector(parseRoot(sector.root))) appended.push(sector);
  }
  if (appended.length === 0) return;
  await retryTransaction("indexd's pinning", () => recordPinned(sql, appended));
}

async function recordPinned(sql: Sql, appended: readonly UnpinnedSector[]): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`
      select from sectors s where s.id = any (${arrayLiteral(appended.map(({ id }) => id))}::bigint[])
      order by s.sector_root for no key update`;
    await tx`
      select from hosts h where h.id = any (${arrayLiteral(appended.map(({ host_id }) => host_id))}::integer[])
      order by h.id for no key update`;
    await tx`
      with pinned as (
        update sectors s set contract_sectors_map_id = a.map_id
        from unnest(${arrayLiteral(appended.map(({ id }) => id))}::bigint[], ${arrayLiteral(appended.map(({ host_id }) => host_id))}::integer[],
          ${arrayLiteral(appended.map(({ map_id }) => map_id))}::integer[]) as a (id, host_id, map_id)
        where s.id = a.id and s.host_id = a.host_id and s.contract_sectors_map_id is null
        returning s.host_id, a.map_id
      ), hosts_counted as (
        update hosts h set unpinned_sectors = h.unpinned_sectors - n.sectors
        from (select host_id, count(*) as sectors from pinned group by host_id) n where h.id = n.host_id
      ), contracts_grown as (
        update contracts c set size = c.size + n.sectors * ${SECTOR_BYTES}::bigint,
          capacity = greatest(c.capacity, c.size + n.sectors * ${SECTOR_BYTES}::bigint)
        from (select map_id, count(*) as sectors from pinned group by map_id) n
        join contract_sectors_map m on m.id = n.map_id where c.contract_id = m.contract_id
      )
      insert into stats_deltas (stat_name, stat_delta)
      select delta.name, delta.sign * count(*)
      from pinned cross join (values ('num_pinned_sectors', 1), ('num_unpinned_sectors', -1)) as delta (name, sign)
      group by delta.name, delta.sign`;
  });
}

/**
 * Tops up the account on the same hosts as indexd would: usable hosts that are not blocked and have a good contract.
 */
async function fundAccount(sql: Sql, hosts: readonly DemoHost[], account: Uint8Array): Promise<void> {
  const rows = await sql<{ host_id: HostId }[]>`
    select host_id from slabmend.host_states() where good and has_healthy_contract`;
  for (const { host_id } of rows) {
    const swarm = hosts.find(({ row }) => row.id === host_id)?.swarm;
    const balance = (await swarm?.balance(account)) ?? FUNDING_TARGET_HASTINGS;
    if (balance < FUNDING_TARGET_HASTINGS) await swarm?.fund(account, FUNDING_TARGET_HASTINGS - balance);
  }
}
