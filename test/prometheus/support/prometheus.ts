/** A real Prometheus for one test file. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";
import { alertRules } from "../../../infra/prometheus-alerts.ts";
import { until } from "../../support/until.ts";

export interface Prometheus {
  /** The value of an expression with one result. */
  value(expression: string): Promise<number | undefined>;
  /** The number of series that an expression returns. Rejects if the expression is invalid. */
  count(expression: string): Promise<number>;
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

/**
 * Prometheus with our alert rules, on loopback.
 * @param target the scraped server, host:port
 * @param scale factor for all times of the rules; tests use a small one
 */
export async function startPrometheus(target: string, scale: number): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "slabmend-prometheus-"));
  writeFileSync(join(folder, "alerts.yml"), alertRules(scale));
  writeFileSync(
    join(folder, "prometheus.yml"),
    JSON.stringify({
      global: { scrape_interval: "500ms", scrape_timeout: "500ms", evaluation_interval: "500ms" },
      rule_files: ["alerts.yml"],
      scrape_configs: [{ job_name: "slabmend", static_configs: [{ targets: [target] }] }],
    }),
  );
  const port = await freePort();
  const child = spawn(
    join(inject("prometheusBinaries"), "prometheus"),
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const ask = async (path: string): Promise<unknown> => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return ((await response.json()) as { data: unknown }).data;
  };
  const query = async (expression: string) => {
    const data = await ask(`/api/v1/query?query=${encodeURIComponent(expression)}`);
    if (data === undefined) throw new Error(`Prometheus refuses ${expression}`);
    return (data as { result: { value: [number, string] }[] }).result;
  };
  await until(() => isReady(child, port), Boolean, { everyMs: 100 });
  return {
    async value(expression) {
      const [first] = await query(expression);
      return first === undefined ? undefined : Number(first.value[1]);
    },
    async count(expression) {
      return (await query(expression)).length;
    },
    async firing() {
      const { alerts } = (await ask("/api/v1/alerts")) as {
        alerts: { state: string; labels: { alertname: string } }[];
      };
      return alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isReady(child: ChildProcess, port: number): Promise<boolean> {
  if (child.exitCode !== null) throw new Error(`Prometheus ended with ${child.exitCode}`);
  return await fetch(`http://127.0.0.1:${port}/-/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
