/** What today cost, and `--watch`: it outlives a database that is away for a moment, and Ctrl+C ends it with 0. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { renderStatus, reportStatus } from "../../lib/cli/commands/status/render-status.ts";
import { readStatus } from "../../lib/database/reports/read-status.ts";
import { createTestDatabase, type TestDatabase } from "../support/database.ts";
import { runCli } from "./run-cli.ts";

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase({ max: 3 });
});
afterAll(() => database.drop());

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
    vi.waitFor(async () => {
      const [row] = await database.sql<{ pid: number }[]>`
        select pid from pg_stat_activity
        where datname = current_database() and application_name = 'slabmend-cli' and wait_event_type = 'Lock'`;
      if (row === undefined) throw new Error("nobody waits yet");
      return row.pid;
    }, 20_000);

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

  test("a connection that is lost is made again without a word; Ctrl+C while it waits: 0", async () => {
    const watching = watch();
    await watching.next();
    const letGo = await holdUp();
    await database.sql`select pg_terminate_backend(${await waitingPid()}::integer)`;
    // The read is made again by itself.
    await waitingPid();
    const next = watching.next();
    await letGo();
    await next;
    watching.end();
    const { code, out, err } = await watching.ended;
    expect(code).toBe(0);
    expect(out.trimEnd().split("\n").length).toBeGreaterThanOrEqual(2);
    expect(err).toBe("");
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

  test("what is wrong from the start ends it", async () => {
    const { code, error } = await watch("postgres://u@127.0.0.1:1/x").ended;
    expect([code, error?.code]).toEqual([4, "database-unreachable"]);
  });
});
