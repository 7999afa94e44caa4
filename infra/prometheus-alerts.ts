/**
 * What wakes the operator of a server: the alarms of AWS in PromQL, and what only a server can have. Each name is a heading of
 * docs/runbook.md. Counters of several servers on one database add up; what is measured in the database is the same on each.
 */
import { ALARMS, type AlarmName } from "./alarm-definitions.ts";

interface Alert {
  readonly means: string;
  readonly expr: string;
  /** How long it must hold. */
  readonly forSeconds: number;
}

/** An alarm of AWS that a server cannot have, and why. */
interface NoAlert {
  readonly none: string;
}

const NO_QUEUE = "A server has no queue: leases go to its own workers.";

/** @param scale shortens all times, for a test that cannot wait for ten minutes */
function alarmsInPromql(scale: number): Record<AlarmName, Omit<Alert, "means"> | NoAlert> {
  const within = (seconds: number): string => `[${Math.max(1, Math.round(seconds * scale))}s]`;
  const ago = (seconds: number): string => `offset ${Math.max(1, Math.round(seconds * scale))}s`;
  const sum = (counter: string, seconds: number): string =>
    `sum by (indexer) (increase(slabmend_${counter}${within(seconds)}))`;
  const max = (gauge: string): string => `max by (indexer) (slabmend_${gauge})`;
  const at = (expr: string, forSeconds = 0): Omit<Alert, "means"> => ({
    expr,
    forSeconds: forSeconds * scale,
  });
  const leastBacklog = (offset: string): string =>
    `sum by (indexer) (max by (indexer, margin) (min_over_time(slabmend_backlog_slabs${within(3_600)} ${offset})))`;
  const stopped = (name: string): Omit<Alert, "means"> =>
    at(`${sum(`runs_completed_total{function="${name}"}`, 300)} < 1`, 300);
  const moreThanAFew = (bad: string, all: string): Omit<Alert, "means"> =>
    at(`${bad} >= 3 and ${bad} / ${all} > 0.05`);
  return {
    "claim-not-running": stopped("claim"),
    "reap-not-running": stopped("reap"),
    "repairs-not-taken": { none: NO_QUEUE },
    "dead-letters": { none: NO_QUEUE },
    "dead-letters-not-drained": { none: NO_QUEUE },
    "messages-failing": { none: NO_QUEUE },
    quarantine: at(`${max("quarantined_slabs")} > 0`),
    "data-at-risk": at(`${max("slabs_found_at_risk")} > 0`),
    "circuit-breaker-open": at(`${max("circuit_breaker_open")} > 0`),
    "leases-expiring": at(
      `${sum("leases_crashed_total", 300)} + ${sum("leases_freed_total", 300)} - ${max("repairs_in_five_minutes")} > 0`,
      900,
    ),
    "backlog-growing": at(
      `${leastBacklog("")} >= 20 and ${leastBacklog("")} > 1.05 * ${leastBacklog(ago(3_600))}`,
    ),
    "error-rate": moreThanAFew(max("faults_in_half_hour"), max("repairs_in_half_hour")),
    "repair-crashing": moreThanAFew(sum("leases_crashed_total", 1_800), max("repairs_in_half_hour")),
    "unknown-indexd-version": at(`${sum("unknown_indexd_version_total", 300)} > 0`),
    "indexd-version-unconfirmed": at(`${max("indexd_unconfirmed")} > 0`),
    "archive-stopped": at(`${max("followers_stopped")} > 0`, 600),
    "journal-behind": at(`${max("journal_behind_seconds")} > 1800`),
    "maintenance-idle": at(`${max("maintenance_run_idle_seconds")} > 3600`),
    "maintenance-failed": at(`${max("maintenance_runs_failed_in_hour")} > 0`),
    "move-behind": at(`${max("move_slot_kept_bytes")} > ${max("move_slot_safe_bytes")}`),
    "move-slot-lost": at(`${max("move_slot_lost")} > 0`),
    "checks-behind": at(`${max("checks_behind_seconds")} > 86400`),
    "missing-rights": at(`${max("missing_rights")} > 0`),
  };
}

function onlyOnAServer(scale: number) {
  return {
    "server-not-reached": {
      means: "Prometheus cannot reach slabmend serve: it is down, or its address is wrong.",
      expr: 'up{job="slabmend"} == 0',
      forSeconds: 300 * scale,
    },
    "database-away": {
      means: "slabmend serve cannot read indexd's database: nothing is claimed, repaired or measured.",
      expr: "max by (indexer) (slabmend_database_up) == 0",
      forSeconds: 60 * scale,
    },
  } as const satisfies Record<string, Alert>;
}

export const SERVER_ALERTS = Object.keys(onlyOnAServer(1));

/** Why some alarms of AWS have no alert, by name. */
export function alarmsWithoutAlert(): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(alarmsInPromql(1)).flatMap(([name, alert]) =>
      "none" in alert ? [[name, alert.none]] : [],
    ),
  );
}

/** All alerts that a server has. */
export function alerts(scale = 1): readonly (Alert & { readonly name: string })[] {
  const ofAlarms = Object.entries(alarmsInPromql(scale)).flatMap(([name, alert]) =>
    "none" in alert ? [] : [{ name, means: ALARMS[name as AlarmName].means, ...alert }],
  );
  const ofServer = Object.entries(onlyOnAServer(scale)).map(([name, alert]) => ({ name, ...alert }));
  return [...ofAlarms, ...ofServer];
}

/** Prometheus' rule file, as YAML. */
export function alertRules(scale = 1): string {
  const quoted = JSON.stringify; // a JSON string is one of YAML
  return [
    "# Written by scripts/write-monitoring.ts from infra/prometheus-alerts.ts; do not edit.",
    "groups:",
    "  - name: slabmend",
    "    rules:",
    ...alerts(scale).flatMap(({ name, means, expr, forSeconds }) => [
      `      - alert: ${name}`,
      `        expr: ${quoted(expr)}`,
      `        for: ${Math.ceil(forSeconds)}s`,
      "        annotations:",
      `          summary: ${quoted(means)}`,
      `          runbook: docs/runbook.md#${name}`,
    ]),
    "",
  ].join("\n");
}
