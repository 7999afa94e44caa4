/** The output of status, and `--watch`: it survives a short outage of the database, and Ctrl+C ends it with 0. */
import { describe, expect, test } from "vitest";
import { renderStatus } from "../../lib/cli/commands/status/render-status.ts";
import { readStatus } from "../../lib/database/reports/read-status.ts";
import { reportStatus } from "../../lib/reports/status.ts";
import { useDatabase } from "../support/database.ts";
import { until } from "../support/until.ts";
import { runCli } from "./run-cli.ts";

const database = useDatabase({ max: 3 });

test("status prints today's charges of hosts and the workers' time", async () => {
  const status = await readStatus(database.sql, { dangerAbove: 1e-4 });
  const report = reportStatus({
    ...status,
    today: { ...status.today, hastings: 3n * 10n ** 23n, workerSeconds: 7_200 },
  });
  expect(renderStatus(report)).toMatch(/^cost today +0\.300000 SC to hosts, 2\.0 h of work$/m);
});

describe("--watch", () => {
  /** Locks a table, so that `status` waits until the returned function releases the lock. */
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
      /** Resolves when `status` prints the next document. */
      next: () => new Promise<void>((resolve) => printed.push(resolve)),
    };
  }

  test("status --watch reconnects silently after a lost connection, and Ctrl+C while waiting ends it with 0", async () => {
    const watching = watch();
    await watching.next();
    const letGo = await holdUp();
    await database.sql`select pg_terminate_backend(${await waitingPid()}::integer)`;
    // The read is retried automatically.
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

  test("Ctrl+C during a query ends status --watch with 0", async () => {
    const watching = watch();
    await watching.next();
    const letGo = await holdUp();
    await waitingPid();
    watching.end();
    expect(await watching.ended).toMatchObject({ code: 0, err: "" });
    await letGo();
  });

  test("status --watch ends if the first read fails", async () => {
    const { code, error } = await watch("postgres://u@127.0.0.1:1/x").ended;
    expect([code, error?.code]).toEqual([4, "database-unreachable"]);
  });
});
