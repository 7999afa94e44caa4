/**
 * A client that follows the events of all accounts as an SDK does. It has a cursor (time, key) for each account, and
 * each poll returns the events after the cursor. If this client never receives a moved object's event, a real client
 * would miss the event too.
 */
import type { ISql, Sql } from "postgres";
import { isDatabaseAway } from "./database-away.ts";

const POLL_MS = 200;

export interface EventFollower {
  /**
   * Makes one more poll, then stops.
   * @returns the first error of a poll, if any; an unreachable database is no error
   */
  stop(): Promise<Error | undefined>;
  /** The latest time of each received event, by account and key, in microseconds since the epoch. */
  readonly told: ReadonlyMap<string, string>;
}

interface Listed {
  readonly account: string;
  readonly key: string;
  readonly stamp: string;
}

export function followEvents(sql: Sql): EventFollower {
  const told = new Map<string, string>();
  const cursors = new Map<string, Listed>();
  let failure: Error | undefined;
  let underWay: Promise<void> | undefined;
  const poll = async (): Promise<void> => {
    for (const account of await accounts(sql)) {
      const cursor = cursors.get(account);
      for (const event of await listBehind(sql, account, cursor)) {
        told.set(`${event.account} ${event.key}`, event.stamp);
        cursors.set(account, event);
      }
    }
  };
  const start = (): Promise<void> => {
    underWay ??= poll()
      .catch((error: unknown) => {
        // If the database is away, the cursors stay, so the next poll gets the events that this poll did not get.
        if (isDatabaseAway(error)) return;
        failure ??= error instanceof Error ? error : new Error(String(error));
      })
      .finally(() => {
        underWay = undefined;
      });
    return underWay;
  };
  const timer = setInterval(() => void start(), POLL_MS);
  return {
    told,
    async stop() {
      clearInterval(timer);
      await underWay;
      await start();
      return failure;
    },
  };
}

async function accounts(sql: ISql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`select id::text from accounts order by id`;
  return rows.map(({ id }) => id);
}

/**
 * Lists the events after the cursor, as indexd does. Before database version 24, indexd hides events of the current
 * second and later.
 */
async function listBehind(sql: ISql, account: string, cursor: Listed | undefined): Promise<Listed[]> {
  return await sql<Listed[]>`
    select e.account_id::text as account, encode(e.object_key, 'hex') as key,
      (extract(epoch from e.updated_at) * 1000000)::bigint::text as stamp
    from object_events e cross join global_settings g
    where e.account_id = ${account}::bigint and e.updated_at is not null
      and (g.db_version >= 24 or e.updated_at < date_trunc('second', now()))
      and ((extract(epoch from e.updated_at) * 1000000)::bigint, e.object_key)
        > (${cursor?.stamp ?? "-1"}::bigint, ${Buffer.from(cursor?.key ?? "", "hex")})
    order by e.updated_at, e.object_key`;
}
