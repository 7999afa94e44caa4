/** The alert rules, tested with series by promtool. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { ALARMS } from "../../infra/alarm-definitions.ts";
import { grafanaDashboard } from "../../infra/grafana-dashboard.ts";
import { alarmsWithoutAlert, alertRules, alerts, SERVER_ALERTS } from "../../infra/prometheus-alerts.ts";

const folder = mkdtempSync(join(tmpdir(), "slabmend-alerts-"));
afterAll(() => rmSync(folder, { recursive: true }));

const monitoring = (name: string): string =>
  readFileSync(new URL(`../../infra/monitoring/${name}`, import.meta.url), "utf8");

const minutes = (count: number, each: string): string => `${each}x${count}`;

interface Case {
  /** Series with which the alert fires, in promtool's notation: one value per minute. */
  readonly fires: Readonly<Record<string, string>>;
  readonly isQuiet: Readonly<Record<string, string>>;
  readonly atMinute?: number;
  /** All labels of the firing alert; default: only the label `indexer`. */
  readonly labels?: Readonly<Record<string, string>>;
}

const stopped = (name: string): Case => {
  const runs = `slabmend_runs_completed_total{indexer="a",function="${name}"}`;
  return {
    // The function completed a run in each of twenty minutes, and none later.
    fires: { [runs]: `${minutes(20, "0+1")} ${minutes(15, "20+0")}` },
    isQuiet: { [runs]: minutes(40, "0+1") },
    atMinute: 35,
  };
};
const gauge = (name: string): Case => ({
  fires: { [`slabmend_${name}{indexer="a"}`]: minutes(10, "1+0") },
  isQuiet: { [`slabmend_${name}{indexer="a"}`]: minutes(10, "0+0") },
});
const above = (name: string, limit: number): Case => ({
  fires: { [`slabmend_${name}{indexer="a"}`]: minutes(10, `${limit + 1}+0`) },
  isQuiet: { [`slabmend_${name}{indexer="a"}`]: minutes(10, `${limit}+0`) },
});
const repairs = (ended: string): Record<string, string> => ({
  'slabmend_repairs_in_five_minutes{indexer="a"}': minutes(40, ended),
  'slabmend_repairs_in_half_hour{indexer="a"}': minutes(40, ended),
  'slabmend_leases_freed_total{indexer="a"}': minutes(40, "0+0"),
});

const CASES: Readonly<Record<string, Case>> = {
  "claim-not-running": stopped("claim"),
  "reap-not-running": stopped("reap"),
  quarantine: gauge("quarantined_slabs"),
  "data-at-risk": gauge("slabs_found_at_risk"),
  "circuit-breaker-open": gauge("circuit_breaker_open"),
  "indexd-version-unconfirmed": gauge("indexd_unconfirmed"),
  "missing-rights": gauge("missing_rights"),
  "archive-stopped": {
    ...gauge("followers_stopped"),
    atMinute: 12,
    fires: { 'slabmend_followers_stopped{indexer="a"}': "1+0x15" },
  },
  "maintenance-failed": gauge("maintenance_runs_failed_in_hour"),
  "move-slot-lost": gauge("move_slot_lost"),
  "move-behind": {
    fires: {
      'slabmend_move_slot_kept_bytes{indexer="a"}': minutes(10, "600+0"),
      'slabmend_move_slot_safe_bytes{indexer="a"}': minutes(10, "400+0"),
    },
    isQuiet: {
      'slabmend_move_slot_kept_bytes{indexer="a"}': minutes(10, "400+0"),
      'slabmend_move_slot_safe_bytes{indexer="a"}': minutes(10, "600+0"),
    },
  },
  "maintenance-idle": above("maintenance_run_idle_seconds", 3_600),
  "checks-behind": above("checks_behind_seconds", 86_400),
  "journal-behind": above("journal_behind_seconds", 1_800),
  "leases-expiring": {
    // Two servers: their crashes add up, but finished repairs are measured once, in the database.
    fires: {
      ...repairs("2+0"),
      'slabmend_leases_crashed_total{indexer="a",instance="1"}': minutes(40, "0+1"),
      'slabmend_leases_crashed_total{indexer="a",instance="2"}': minutes(40, "0+1"),
    },
    isQuiet: { ...repairs("20+0"), 'slabmend_leases_crashed_total{indexer="a"}': minutes(40, "0+1") },
    atMinute: 35,
  },
  "backlog-growing": {
    fires: { 'slabmend_backlog_slabs{indexer="a",margin="0"}': minutes(180, "100+1") },
    isQuiet: { 'slabmend_backlog_slabs{indexer="a",margin="0"}': minutes(180, "1000-1") },
    atMinute: 150,
  },
  "error-rate": {
    fires: { ...repairs("20+0"), 'slabmend_faults_in_half_hour{indexer="a"}': minutes(40, "3+0") },
    isQuiet: { ...repairs("100+0"), 'slabmend_faults_in_half_hour{indexer="a"}': minutes(40, "4+0") },
  },
  "repair-crashing": {
    fires: { ...repairs("100+0"), 'slabmend_leases_crashed_total{indexer="a"}': minutes(40, "0+1") },
    isQuiet: { ...repairs("100+0"), 'slabmend_leases_crashed_total{indexer="a"}': "0x20 1x20" },
    atMinute: 35,
  },
  "unknown-indexd-version": {
    fires: { 'slabmend_unknown_indexd_version_total{indexer="a"}': minutes(10, "0+1") },
    isQuiet: { 'slabmend_unknown_indexd_version_total{indexer="a"}': minutes(10, "7+0") },
  },
  "server-not-reached": {
    fires: { 'up{job="slabmend"}': "1x2 0x12" },
    isQuiet: { 'up{job="slabmend"}': "1x2 0x3 1x12" },
    labels: { job: "slabmend" },
  },
  "database-away": {
    fires: { 'slabmend_database_up{indexer="a"}': "1x2 0x12" },
    isQuiet: { 'slabmend_database_up{indexer="a"}': minutes(12, "1+0") },
  },
};

function promtool(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(join(inject("prometheusBinaries"), "promtool"), args, {
    encoding: "utf8",
  });
  return { status, output: `${stdout}${stderr}` };
}

/**
 * Tests with promtool that the alert fires if `firing` is true, and that it is quiet otherwise. Returns promtool's
 * output on a failure.
 */
function holdRules(alertname: string, series: Readonly<Record<string, string>>, firing: boolean): string {
  const { atMinute = 10, labels = { indexer: "a" } } = CASES[alertname]!;
  const summary = alerts().find(({ name }) => name === alertname)!.means;
  const rules = join(folder, "alerts.yml");
  const file = join(folder, `${alertname}-${firing}.json`);
  writeFileSync(rules, alertRules());
  const expected = {
    exp_labels: labels,
    exp_annotations: { summary, runbook: `docs/runbook.md#${alertname}` },
  };
  const document = {
    rule_files: [rules],
    evaluation_interval: "1m",
    tests: [
      {
        interval: "1m",
        input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
        alert_rule_test: [{ eval_time: `${atMinute}m`, alertname, exp_alerts: firing ? [expected] : [] }],
      },
    ],
  };
  writeFileSync(file, JSON.stringify(document));
  const { status, output } = promtool("test", "rules", file);
  return status === 0 ? "" : output;
}

test.each(Object.entries(CASES))("alert %s fires for its problem and not without it", (name, given) => {
  expect(holdRules(name, given.fires, true)).toBe("");
  expect(holdRules(name, given.isQuiet, false)).toBe("");
});

test("every alarm of AWS has an alert or a reason why it has none, and every alert is tested", () => {
  const without = alarmsWithoutAlert();
  const expected = [...Object.keys(ALARMS).filter((name) => !without.has(name)), ...SERVER_ALERTS];
  expect(Object.keys(CASES).sort()).toEqual(expected.sort());
  expect([...without.values()].every((why) => why.length > 20)).toBe(true);
});

test.each(["prometheus.yml", "prometheus-container.yml"])("Prometheus accepts %s with the rules", (file) => {
  // The password file that the configuration names exists only in the container, so the test uses another file.
  const password = join(folder, "password");
  writeFileSync(password, "a password");
  writeFileSync(join(folder, "alerts.yml"), alertRules());
  const config = join(folder, file);
  writeFileSync(config, monitoring(file).replace("/run/secrets/slabmend_password", password));
  expect(promtool("check", "config", config)).toMatchObject({ status: 0 });
});

test("infra/monitoring equals its definitions (run npm run docs:monitoring after changing them)", () => {
  expect(monitoring("alerts.yml")).toBe(alertRules());
  expect(JSON.parse(monitoring("grafana-dashboard.json"))).toEqual(grafanaDashboard());
});

test("every alert has its section in the runbook", () => {
  const runbook = readFileSync(new URL("../../docs/runbook.md", import.meta.url), "utf8");
  for (const { name } of alerts()) expect(runbook).toMatch(new RegExp(`^## ${name}$`, "m"));
});
