/** Rule 12: the repairs of a process share a few connections. */
import { expect, test } from "vitest";
import type { DeadlineClient } from "../../lib/database/client/deadline-client.ts";
import { createSharedClients } from "../../lib/database/client/shared-clients.ts";
import { createFakeClock } from "../support/fake-clock.ts";

/**
 * Clients without a database, which count how many of them were opened and ended; a call lasts until the test ends it.
 */
function counted(most: number) {
  const clock = createFakeClock();
  let opened = 0;
  let ended = 0;
  const open = (): DeadlineClient => {
    opened += 1;
    const run = async <Result>(_limitMs: number, statements: (sql: never) => Promise<Result>) =>
      await statements(undefined as never);
    return {
      run,
      runIdempotent: run,
      end: async () => {
        ended += 1;
      },
    };
  };
  return {
    clock,
    clients: createSharedClients({ open, most, clock }),
    counts: () => ({ opened, ended }),
  };
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
};

test("only as many calls run at once as there are connections; further calls wait in order", async () => {
  const { clock, clients, counts } = counted(2);
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const calls = [0, 1, 2, 3].map((n) =>
    clients.run(1_000, async () => {
      begun.push(n);
      await new Promise<void>((resolve) => ends.push(resolve));
    }),
  );
  await turns();
  expect(begun).toEqual([0, 1]);
  ends[1]!();
  await calls[1];
  await turns();
  expect(begun).toEqual([0, 1, 2]);
  ends[0]!();
  ends[2]!();
  await calls[2];
  await turns();
  ends[3]!();
  await Promise.all(calls);
  expect(counts()).toEqual({ opened: 2, ended: 0 });
  expect(clock.pending).toBe(0);
});

test("a call that gets no connection in time is never made, and fails like an unanswered call", async () => {
  const { clock, clients } = counted(1);
  let end = (): void => {};
  const first = clients.run(60_000, () => new Promise<void>((resolve) => (end = resolve)));
  let isMade = false;
  const second = clients.runIdempotent(1_000, async () => {
    isMade = true;
  });
  second.catch(() => {});
  await clock.advance(1_000);
  await expect(second).rejects.toMatchObject({ code: "no-answer" });
  end();
  await first;
  expect(await clients.run(1_000, async () => "next")).toBe("next");
  expect(isMade).toBe(false);
  expect(clock.pending).toBe(0);
});

test("a failed call returns its connection; endIdle closes the free connections and leaves those in use open", async () => {
  const { clients, counts } = counted(2);
  await expect(clients.run(1_000, async () => Promise.reject(new Error("away")))).rejects.toThrow("away");
  let end = (): void => {};
  const busy = clients.run(1_000, () => new Promise<void>((resolve) => (end = resolve)));
  await turns();
  await clients.endIdle();
  expect(counts()).toEqual({ opened: 1, ended: 0 });
  end();
  await busy;
  await clients.endIdle();
  expect(counts()).toEqual({ opened: 1, ended: 1 });
});
