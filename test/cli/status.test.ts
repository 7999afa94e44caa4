/** What today cost, and `--watch`: it outlives a database that is away for a moment, and Ctrl+C ends it with 0. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { renderStatus, reportStatus } from "../../lib/cli/commands/status/render-status.ts";
import { readStatus } from "../../lib/database/reports/read-status.ts";
import { useDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";
import { runCli } from "./run-cli.ts";

const database = useDatabase({ max: 3 });

test("what AWS takes is compute, traffic, requests and logs, by the prices of docs/cost", async () => {
  const status = await readStatus(database.sql);
  const tebibyte = 2 ** 40;
  const report = reportStatus({
    ...status,
    // One sector in each of these repairs, copied: the first row of the table in docs/cost.md.
    today: {
      ...status.today,
      repairs: 262_144,
      bytesRead: tebibyte,
      bytesWritten: tebibyte,
      workerSeconds: 600_000,
    },
  });
  const prices = JSON.parse(readFileSync(new URL("../../docs/cost/prices.json", import.meta.url), "utf8"));
  expect(report.lambdaToday.trafficUsd).toBeCloseTo((tebibyte / 1e9) * prices.traffic.usdPerGbOut, 6);
  expect(report.lambdaToday.computeUsd).toBeCloseTo(
    600_000 * (1_769 / 1_024) * prices.lambda.usdPerGbSecond,
    6,
  );
  expect(report.lambdaToday.requestsUsd).toBeCloseTo(0.262144 * (0.2 + 3 * 0.4), 6);
  const { computeUsd, requestsUsd, logsUsd, trafficUsd, sumUsd } = report.lambdaToday;
  expect(sumUsd).toBeCloseTo(computeUsd + requestsUsd + logsUsd + trafficUsd, 9);
  expect(renderStatus(report)).toMatch(
    /cost today .* about \$113\.\d\d if all of it ran on Lambda \(\$13\.82 for .* \$98\.96 for traffic out, .*arm64.*prices\.json/,
  );
});

describe("--watch", () => {
  /** Holds the status up until it is let go. */
  async function holdUp() {
    const locked = Promise.withResolvers<void>();
    const free = Promise.withResolvers<void>();
    const holding = database.sql.begin(async (tx) => {
      await tx`lock table slabmend.leases in access exclusive mode`;
      locked.resolve();
      await free.promise;
    });
    await locked.promise;
    return async () => {
      free.resolve();
      await holding;
    };
  }
  const waitingPid = (): Promise<number> =>
    until(async () => {
      const [row] = await database.sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and application_name = 'slabmend-cli' and wait_event_type = 'Lock'`;
      return row?.pid;
    }).then((pid) => pid!);

  function watch(url: string = database.url) {
    const ending = new AbortController();
    const printed: (() => void)[] = [];
    const ended = runCli(["status", "--watch", "--every", "1", "--json"], {
      environment: { SLABMEND_DATABASE_URL: url },
      signal: ending.signal,
      onOutput: () => {
        for (const wake of printed.splice(0)) wake();
      },
    });
    return {
      ended,
      end: () => ending.abort(new Error("SIGINT")),
      /** The next document. */
      next: () => new Promise<void>((resolve) => printed.push(resolve)),
    };
  }

  test("a connection that is lost is one line on standard error, and the next look goes on; Ctrl+C while it waits: 0", async () => {
    const watching = watch();
    await watching.next();
    const letGo = await holdUp();
    await database.sql`select pg_terminate_backend(${await waitingPid()}::integer)`;
    await waitingPid();
    const next = watching.next();
    await letGo();
    await next;
    watching.end();
    const { code, out, err } = await watching.ended;
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n").length).toBeGreaterThanOrEqual(2);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
    expect(JSON.parse(err)).toMatchObject({ error: { code: "database-unreachable" } });
  });

  test("Ctrl+C while the database is asked: 0 as well", async () => {
    const watching = watch();
    await watching.next();
    const letGo = await holdUp();
    await waitingPid();
    watching.end();
    expect(await watching.ended).toMatchObject({ code: 0, err: "" });
    await letGo();
  });

  test("status --watch ends when the first reading fails", async () => {
    const { code, error } = await watch("postgres://u@127.0.0.1:1/x").ended;
    expect([code, error?.code]).toEqual([4, "database-unreachable"]);
  });
});
