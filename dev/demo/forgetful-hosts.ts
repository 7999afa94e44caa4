/**
 * Hosts that deny every sector for a while and then have all of them again, like a host whose volume was not mounted.
 * indexd considers them good.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ISql } from "postgres";
import { arrayLiteral } from "./array-literal.ts";
import type { DemoHost } from "./register-hosts.ts";

/** How long the hosts deny their sectors: longer than the first repairs take, so that many sectors are denied. */
const FORGET_MS = 20_000;
const POLL_MS = 50;
/** If a slab's next attempt is further away than this, the demo does not wait for it. */
const SOON_MS = 200_000;
/**
 * While these hosts deny, a repair may find too few candidates, and then its slab waits for an hour. The demo skips
 * this hour to show what follows. It does so at most MOST_HOURS times, because some sectors may never find a host.
 */
const MOST_HOURS = 3;

/** What the forgetful hosts caused. */
export interface Forgetting {
  readonly hosts: number;
  /** Time from the first repair until the hosts had their sectors again. */
  readonly forgotMs: number;
  /** The highest number of denials by these hosts that were recorded at one time. */
  readonly deniedSectors: number;
  /**
   * Time from when the hosts had their sectors again until none of their denials was open, except those in `waiting`.
   */
  readonly settledMs: number;
  /**
   * Denials that are still open at the end: no host could take the sectors, and the next attempt at their slabs is an
   * hour away.
   */
  readonly waiting: number;
}

export interface ForgetfulHosts {
  /**
   * Counts the hosts' denials. @returns whether the hosts have their sectors again and no denial is open, apart from
   * those in `waiting`
   */
  isSettled(sql: ISql): Promise<boolean>;
  stop(): Promise<Forgetting>;
}

/** @param hosts hosts that deny every sector already */
export function startForgetfulHosts(parts: {
  readonly hosts: readonly DemoHost[];
  /** Whether a repair is running. */
  readonly isRepairing: () => Promise<boolean>;
  /** Receives messages for the terminal. */
  readonly onLine: (line: string) => void;
  readonly onFailure: (error: unknown) => void;
}): ForgetfulHosts {
  const { hosts, isRepairing, onLine, onFailure } = parts;
  const ids = arrayLiteral(hosts.map(({ row }) => String(row.id)));
  const stopping = new AbortController();
  const { signal } = stopping;
  let hoursSkipped = 0;
  const done = { hosts: hosts.length, forgotMs: 0, deniedSectors: 0, settledMs: 0, waiting: 0 };
  let rememberedAtMs: number | undefined;
  const remember = async (): Promise<void> => {
    if (hosts.length === 0) return;
    while (!(await isRepairing())) await sleep(POLL_MS, undefined, { signal });
    const sinceMs = Date.now();
    await sleep(FORGET_MS, undefined, { signal });
    await Promise.all(hosts.map(({ swarm }) => swarm.setSwitches({ losesSectors: "none" })));
    rememberedAtMs = Date.now();
    done.forgotMs = rememberedAtMs - sinceMs;
    onLine(`${hosts.length} hosts remember the sectors that they denied for ${FORGET_MS / 1_000} s`);
  };
  const running = remember().catch((error: unknown) => {
    if (!signal.aborted) onFailure(error);
  });
  return {
    async isSettled(sql) {
      if (hosts.length === 0) return true;
      const [row] = await sql<{ known: number; open: number; waiting: number; leased: number }[]>`
        with open as (
          select bool_and(s.next_repair_attempt > clock_timestamp() + ${SOON_MS} * interval '1 millisecond'
            and s.id not in (select l.slab_id from slabmend.leases l)) as waits
          from slabmend.open_denials() o
          join slab_sectors ss on ss.sector_id = o.sector_id join slabs s on s.id = ss.slab_id
          where o.host_id = any (${ids}::integer[])
          group by o.sector_id
        )
        select (select count(*)::integer from slabmend.denials d where d.host_id = any (${ids}::integer[])) as known,
          (select count(*)::integer from open where not waits) as open,
          (select count(*)::integer from open where waits) as waiting,
          (select count(*)::integer from slabmend.leases) as leased`;
      done.deniedSectors = Math.max(done.deniedSectors, row!.known);
      done.waiting = row!.waiting;
      const remembers = rememberedAtMs !== undefined;
      if (remembers && row!.open + row!.leased === 0 && hoursSkipped < MOST_HOURS) {
        hoursSkipped += 1;
        const slabs = await skipHour(sql);
        if (slabs > 0) onLine(`an hour is skipped for ${slabs} slabs that wait for their next attempt`);
        if (slabs > 0) return false;
      }
      const isSettled = remembers && row!.open === 0;
      if (isSettled && done.settledMs === 0) done.settledMs = Date.now() - rememberedAtMs!;
      return isSettled;
    },
    async stop() {
      stopping.abort();
      await running;
      return done;
    },
  };
}

/**
 * Makes some slabs due now: those that have sectors to move, but whose next attempt is far away.
 * @returns the number of these slabs
 */
async function skipHour(sql: ISql): Promise<number> {
  const [row] = await sql<{ slabs: number }[]>`
    with resting as (
      select s.id from slabs s
      where s.next_repair_attempt > clock_timestamp() + ${SOON_MS} * interval '1 millisecond'
        and s.id in (select m.slab_id from slabmend.sectors_to_move(array(select id from slabs)) m)
        and s.id not in (select l.slab_id from slabmend.leases l)
    ), attempted as (
      update slabs s set next_repair_attempt = clock_timestamp() from resting r where s.id = r.id
    ), looked_at as (
      update slabmend.backlog b set look_at = clock_timestamp() from resting r where b.slab_id = r.id
    )
    select count(*)::integer as slabs from resting`;
  return row!.slabs;
}
