import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";

const container = new URL("../../infra/container/", import.meta.url);
const compose = readFileSync(new URL("compose.yaml", container), "utf8");
const monitoring = (name: string): string =>
  readFileSync(new URL(`../monitoring/${name}`, container), "utf8");

test("the repository files that the compose file mounts exist", () => {
  const mounted = [...compose.matchAll(/(\.\.\/[^:"]+):\//g)].map(([, path = ""]) => path);
  expect(mounted.length).toBeGreaterThan(4);
  expect(mounted.filter((path) => !existsSync(new URL(path, container)))).toEqual([]);
});

test("in the compose file Prometheus uses a host name that serve accepts, and Grafana uses Prometheus", () => {
  const [, host] = /targets: \["([a-z]+):8484"\]/.exec(monitoring("prometheus-container.yml")) ?? [];
  expect(compose).toMatch(new RegExp(`^  ${host}:$`, "m"));
  expect(compose).toContain(`"--allow-host", "${host}"`);
  const [, prometheus] = /url: http:\/\/([a-z]+):9090/.exec(monitoring("grafana/datasource.yml")) ?? [];
  expect(compose).toMatch(new RegExp(`^  ${prometheus}:$`, "m"));
  const [, dashboards] = /path: (\S+)/.exec(monitoring("grafana/dashboards.yml")) ?? [];
  expect(compose).toContain(`:${dashboards}/`);
});
