import pLimit from "p-limit";
import type { Clock } from "../../clock/clock.ts";
import type { DeadlineClient } from "./deadline-client.ts";
import { StoreError } from "./store-error.ts";

/** The connections of a process; each call has a connection to itself. */
export interface SharedClients extends Pick<DeadlineClient, "run" | "runIdempotent"> {
  /** Closes connections that no call uses. The next call opens one if needed. */
  endIdle(): Promise<void>;
}

/**
 * At most `most` connections for any number of repairs: a call takes the free connection that was used last, or waits
 * in a queue (first in, first out). A repair holds no connection during a transfer; an idle one is closed after a
 * second.
 */
export function createSharedClients(options: {
  readonly open: () => DeadlineClient;
  /** 1 or more. */
  readonly most: number;
  readonly clock: Clock;
}): SharedClients {
  const { open, most, clock } = options;
  const limit = pLimit(most);
  const free: DeadlineClient[] = [];

  const borrow = async <Result>(
    limitMs: number,
    use: (client: DeadlineClient) => Promise<Result>,
  ): Promise<Result> => {
    const wait = Promise.withResolvers<never>();
    let isGivenUp = false;
    const cancel = clock.after(limitMs, () => {
      isGivenUp = true;
      wait.reject(allInUse(most, limitMs));
    });
    const turn = limit(async (): Promise<Result> => {
      cancel();
      if (isGivenUp) return await wait.promise;
      const client = free.pop() ?? open();
      try {
        return await use(client);
      } finally {
        free.push(client);
      }
    });
    return await Promise.race([turn, wait.promise]);
  };

  return {
    run: (limitMs, statements) => borrow(limitMs, (client) => client.run(limitMs, statements)),
    runIdempotent: (limitMs, statements) =>
      borrow(limitMs, (client) => client.runIdempotent(limitMs, statements)),
    async endIdle() {
      await Promise.all(free.splice(0).map((client) => client.end()));
    },
  };
}

function allInUse(most: number, limitMs: number): StoreError {
  return new StoreError({
    code: "no-answer",
    message: `the database: expected a free connection within ${limitMs} ms, all ${most} were in use`,
    remedy: "Check whether the database is overloaded or silent.",
  });
}
