import type { ISql } from "postgres";
import type { Ask } from "../../../database/client/deadline-client.ts";
import { readChecks } from "../../../database/reports/read-checks.ts";
import { duration } from "../../../reports/duration.ts";
import { type Check, ok, warning } from "./check.ts";

/** indexd goes through its hosts within minutes; one that it has not gone to for so long it does not check. */
const INDEXD_CHECKS_SECONDS = 3_600;
/** As the alarm checks-behind. */
const BEHIND_SECONDS = 86_400;

export interface DueCheckFacts {
  readonly behindSeconds: number;
  readonly silentHosts: number;
  readonly inADay: number;
  /** Since indexd last began to check a host; undefined: this role may not see it. */
  readonly indexdSeconds: number | undefined;
}

/** What due checks look like, with SLABMEND_VERIFY=due. */
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
  const says = `${inADay} due checks in the last 24 hours, the oldest due for ${duration(behindSeconds)}, ${silentHosts} silent hosts left alone`;
  const checks =
    behindSeconds > BEHIND_SECONDS
      ? [
          warning(
            "due-checks",
            says,
            "Right after SLABMEND_VERIFY=due was set it takes a while; otherwise docs/runbook.md, checks-behind.",
          ),
        ]
      : [ok("due-checks", says)];
  if (indexdSeconds === undefined || indexdSeconds > INDEXD_CHECKS_SECONDS) return checks;
  return [
    ...checks,
    warning(
      "indexd-checks-too",
      `indexd makes integrity checks too, the last ${duration(indexdSeconds)} ago`,
      "Both work: each passes over what the other has claimed. But indexd records a sector as lost after a denial, where slabmend keeps its location.",
    ),
  ];
}

async function readLastCheckOfIndexd(sql: ISql): Promise<number | undefined> {
  const [may] = await sql<{ read: boolean | null }[]>`
    select bool_or(has_column_privilege(a.attrelid, a.attnum, 'select')) as read
    from pg_attribute a where a.attrelid = 'public.hosts'::regclass and a.attname = 'last_integrity_check'`;
  if (may?.read !== true) return undefined;
  // The last but one: a host that indexd has just come to know has the time at which it did.
  const [row] = await sql<{ seconds: number }[]>`
    select extract(epoch from clock_timestamp() - h.last_integrity_check)::double precision as seconds
    from public.hosts h order by h.last_integrity_check desc offset 1 limit 1`;
  return row?.seconds;
}
