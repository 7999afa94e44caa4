import type { ISql } from "postgres";
import { ANSWER_MS } from "../../lib/database/client/deadline-client.ts";
import type { HostId } from "../../lib/slab/ids.ts";
import { parseRoot } from "../../lib/slab/ids.ts";
import { type PlantedLoss, readLosses, unplantedLosses } from "./check-losses.ts";
import { strangeMessages } from "./check-messages.ts";
import { readMoves, unneededMoves } from "./check-moves.ts";
import { checkRules } from "./check-rules.ts";
import { type SessionSample, sessionViolations } from "./check-sessions.ts";
import type { DisturbancesDone } from "./disturb-database.ts";
import { FLEET_ROLE } from "./open-database.ts";
import type { DemoHost } from "./register-hosts.ts";
import { readSessionLimits } from "./sample-sessions.ts";
import type { StoredSlab } from "./store-objects.ts";

/** Facts that the database does not show, and that the demo needs to check the rules. */
export interface Witnessed {
  readonly hosts: readonly DemoHost[];
  readonly slabs: readonly StoredSlab[];
  readonly planted: readonly PlantedLoss[];
  readonly forgetful: ReadonlySet<HostId>;
  /** Hosts that all sectors must leave: dead, blocked, without a good contract, or being drained. */
  readonly left: ReadonlySet<HostId>;
  /** Bodies of all messages that workers received. */
  readonly messages: readonly string[];
  readonly samples: readonly SessionSample[];
  readonly disturbed: Pick<DisturbancesDone, "silentDatabase">;
}

/**
 * How long a session may be idle after the demo has dropped all traffic with the database: to the server the session is
 * idle while the worker still waits for an answer, until the worker gives up.
 */
const GIVEN_UP_MS = ANSWER_MS + 5_000;

/**
 * Finds violations of the invariants in docs/architecture.md: by SQL, at the hosts, and in what was observed of the
 * fleet's work.
 * @returns a sentence for each violation
 */
export async function findViolations(sql: ISql, witnessed: Witnessed): Promise<string[]> {
  const { hosts, slabs, planted, forgetful, left, messages, samples, disturbed } = witnessed;
  const limits = await readSessionLimits(sql, FLEET_ROLE);
  const idleMs = disturbed.silentDatabase > 0 ? GIVEN_UP_MS : limits.idleMs;
  const violations = await checkRules(sql, { settled: true });
  const digests = new Map(slabs.map(({ id, digest }) => [String(id), digest]));
  const broken = (rule: number) => (what: string) => `rule ${rule} is violated: ${what}`;
  return [
    ...violations.map(({ rule, what, subject }) => broken(rule)(`${what}: ${subject}`)),
    ...unneededMoves(await readMoves(sql), left).map(broken(3)),
    ...(await missingSectors(sql, hosts)),
    ...unplantedLosses(planted, await readLosses(sql), forgetful).map(broken(6)),
    ...strangeMessages([...messages, ...(await deadLetters(sql))], digests).map(broken(9)),
    ...sessionViolations(samples, { ...limits, idleMs }),
    ...(await deadlocks(sql)).map(broken(8)),
  ];
}

async function deadLetters(sql: ISql): Promise<string[]> {
  const rows = await sql<{ body: string }[]>`select body from slabmend.dead_letters`;
  return rows.map(({ body }) => body);
}

/** A deadlock violates the lock order, which the simulated indexd follows too. */
async function deadlocks(sql: ISql): Promise<string[]> {
  const [row] = await sql<{ deadlocks: number }[]>`
    select deadlocks::integer from pg_stat_database where datname = current_database()`;
  return row!.deadlocks === 0 ? [] : [`${row!.deadlocks} deadlocks`];
}

/**
 * Finds moved sectors that are not on the host to which they were moved. Looks at the host's disk, not at its answers
 * to readers.
 */
async function missingSectors(sql: ISql, hosts: readonly DemoHost[]): Promise<string[]> {
  const rows = await sql<{ root: string; host_id: HostId }[]>`
    select encode(sector_root, 'hex') as root, host_id from sectors where num_migrated > 0 and host_id is not null`;
  const missing: string[] = [];
  for (const { root, host_id } of rows) {
    const host = hosts.find(({ row }) => row.id === host_id);
    if ((await host?.swarm.hasSector(parseRoot(root))) === true) continue;
    missing.push(`rule 5 is violated: host ${host_id} does not have sector ${root}, which was moved to it`);
  }
  return missing;
}
