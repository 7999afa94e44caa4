import type { ISql } from "postgres";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readChecks } from "../../../database/reports/read-checks.ts";
import { duration } from "../../../reports/duration.ts";
import { type Check, ok, warning } from "./check.ts";

/**
 * An indexd that makes integrity checks begins one every few minutes. If its last check began more than an hour ago,
 * doctor assumes that it makes none.
 */
const INDEXD_CHECKS_SECONDS = 3_600;
/** The same limit as that of the alarm checks-behind. */
const BEHIND_SECONDS = 86_400;

export interface DueCheckFacts {
  readonly behindSeconds: number;
  readonly silentHosts: number;
  readonly inADay: number;
  /** Time since indexd last began to check a host; undefined if this role may not read that time. */
  readonly indexdSeconds: number | undefined;
}

/** Checks the progress of due checks, which are made if SLABMEND_VERIFY=due. */
export async function checkDueChecks(
  ask: Ask,
  variables: Readonly<Record<string, string | undefined>>,
): Promise<Check[]> {
  if (variables["SLABMEND_VERIFY"] !== "due") return [];
  const { behindSeconds, silentHosts, confirmed, denied } = await ask(readChecks, { isIdempotent: true });
  const indexdSeconds = await ask(readLastCheckOfIndexd, { isIdempotent: true });
  return judgeDueChecks({ behindSeconds, silentHosts, inADay: confirmed + denied, indexdSeconds });
}

/** Pure. */
export function judgeDueChecks(facts: DueCheckFacts): Check[] {
  const { behindSeconds, silentHosts, inADay, indexdSeconds } = facts;
  const says = `${inADay} due checks in the last 24 hours; the most overdue one has been due for ${duration(behindSeconds)}; ${silentHosts} silent hosts skipped`;
  const checks =
    behindSeconds > BEHIND_SECONDS
      ? [
          warning(
            "due-checks",
            says,
            "Catching up takes a while after SLABMEND_VERIFY=due was set; otherwise see checks-behind in docs/runbook.md.",
          ),
        ]
      : [ok("due-checks", says)];
  if (indexdSeconds === undefined || indexdSeconds > INDEXD_CHECKS_SECONDS) return checks;
  return [
    ...checks,
    warning(
      "indexd-checks-too",
      `indexd makes integrity checks too, the last ${duration(indexdSeconds)} ago`,
      "Both can run: indexd and slabmend skip each other's claimed sectors. But indexd records a denied sector as lost, while slabmend keeps the sector's location.",
    ),
  ];
}

async function readLastCheckOfIndexd(sql: ISql): Promise<number | undefined> {
  const [may] = await sql<{ read: boolean | null }[]>`
    select bool_or(has_column_privilege(a.attrelid, a.attnum, 'select')) as read
    from pg_attribute a where a.attrelid = 'public.hosts'::regclass and a.attname = 'last_integrity_check'`;
  if (may?.read !== true) return undefined;
  // The second latest time is read, because the latest may be no check: for a host that indexd has just added, the
  // column holds the time of the addition.
  const [row] = await sql<{ seconds: number }[]>`
    select extract(epoch from clock_timestamp() - h.last_integrity_check)::double precision as seconds
    from public.hosts h order by h.last_integrity_check desc offset 1 limit 1`;
  return row?.seconds;
}
