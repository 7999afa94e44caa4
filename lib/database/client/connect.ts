/**
 * The client of the database: one connection at most, opened when needed, through postgres.js. A connection that is over, for
 * whatever reason, takes its driver with it: the next statement gets a new one
 * (docs/decisions/0014-database-client.md).
 *
 *   (none) --statement--> opening --let in--> open --idle / end--> over --statement--> opening ...
 *                            \------------------\----lost--------/
 *
 * What always holds: no statement is sent on another connection than the one that its transaction began on; one connection is
 * closed before the next is opened; nothing throws outside of the call that caused it.
 */
import postgres, { type Sql } from "postgres";
import { systemClock } from "../../clock/clock.ts";
import { ConfigurationError } from "../../config/configuration-error.ts";
import { readDatabaseUrl } from "../../config/database-url.ts";
import { connectionError } from "./connection-error.ts";
import { ConnectionPace } from "./connection-pace.ts";
import { DriverSocket } from "./driver-socket.ts";
import { openStream, type StreamTarget } from "./open-stream.ts";

/** A worker holds no connection while it transfers: an idle one is closed after this. */
const IDLE_SECONDS = 1;
/** A database that accepts no connection for longer is away; the message comes again. */
const CONNECT_MS = 10_000;
/** How long `end` without a limit waits for the server to take leave. */
const FAREWELL_SECONDS = 5;

/** One for each server that this process has tried. */
const paces = new Map<string, ConnectionPace>();

interface Driver {
  readonly sql: Sql;
  /** Nothing more can be sent through it. */
  readonly isOver: () => boolean;
  /** Resolves when its connection is closed, or was never made. */
  readonly closed: Promise<void>;
  /** Rejects when its connection is lost. */
  readonly lost: Promise<never>;
  readonly abandon: () => void;
}

/**
 * Works behind a transaction pooler: no named prepared statement, no session state, no look-up of types. End it before the
 * function returns: a frozen connection would be dead later. Use it through a {@link DeadlineClient}: alone it waits for
 * ever for a server that is silent.
 *
 * @param authorities PEM, instead of those that Node.js knows
 */
export function connect(databaseUrl: string, applicationName: string, authorities?: string): Sql {
  const database = readDatabaseUrl(databaseUrl);
  if ("fault" in database) {
    throw new ConfigurationError([{ name: "SLABMEND_DATABASE_URL", ...database.fault }]);
  }
  const { host, port, tls } = database;
  const open = (previous: Promise<void>): Driver =>
    openDriver(databaseUrl, applicationName, { host, port, tls, authorities }, previous);
  let driver = open(Promise.resolve());
  let isEnded = false;
  const live = (): Sql => {
    if (driver.isOver() && !isEnded) driver = open(driver.closed);
    return driver.sql;
  };
  const end = async ({ timeout = FAREWELL_SECONDS }: { timeout?: number } = {}): Promise<void> => {
    isEnded = true;
    const limit = setTimeout(driver.abandon, timeout * 1_000);
    await Promise.all([driver.sql.end({ timeout }), driver.closed]);
    clearTimeout(limit);
  };
  // After a loss the driver may hold back a transaction's rollback for ever.
  const begin = (...args: unknown[]): Promise<unknown> => {
    const transaction = Reflect.apply(live().begin, undefined, args);
    return Promise.race([transaction, driver.lost]);
  };
  return new Proxy(driver.sql, {
    apply: (_target, _this, args) => Reflect.apply(live(), undefined, args),
    get(_target, name) {
      if (name === "end") return end;
      return name === "begin" ? begin : Reflect.get(live(), name);
    },
  });
}

/** @param previous resolves when another connection may be opened */
function openDriver(
  databaseUrl: string,
  applicationName: string,
  target: StreamTarget,
  previous: Promise<void>,
): Driver {
  const pace = paceOf(target);
  const closed = Promise.withResolvers<void>();
  const loss = Promise.withResolvers<never>();
  loss.promise.catch(() => {});
  const opening = new AbortController();
  let state: "new" | "opening" | "open" | "over" = "new";
  let socket: DriverSocket | undefined;
  let limit: NodeJS.Timeout | undefined;
  let isAbandoned = false;

  const onOver = (lost: Error | undefined): void => {
    const wasOpen = state === "open";
    state = "over";
    clearTimeout(limit);
    if (lost !== undefined) {
      pace.failed();
      loss.reject(lost);
    } else if (wasOpen) pace.succeeded();
    // What waits in the driver's queue for this connection would wait for ever.
    void sql.end({ timeout: 0 });
  };
  const openSocket = async (): Promise<DriverSocket> => {
    state = "opening";
    try {
      await previous;
      await pace.wait(opening.signal);
      limit = setTimeout(() => {
        const timeout = connectionError("CONNECT_TIMEOUT", target);
        opening.abort(timeout);
        socket?.fail(timeout);
      }, CONNECT_MS);
      const stream = await openStream(target, opening.signal);
      if (isAbandoned) {
        stream.destroy();
        throw connectionError("CONNECTION_ENDED", target);
      }
      stream.once("close", () => closed.resolve());
      socket = new DriverSocket(stream, connectionError("CONNECTION_CLOSED", target), onOver);
      return socket;
    } catch (error) {
      closed.resolve();
      onOver(isAbandoned ? undefined : (error as Error));
      // The driver rejects what waits in its queue only if it has been told to end before its first statement fails.
      await Promise.resolve();
      throw error;
    }
  };
  const sql = postgres(databaseUrl, {
    max: 1,
    prepare: false,
    fetch_types: false,
    idle_timeout: IDLE_SECONDS,
    connection: { application_name: applicationName },
    onnotice: () => {},
    // The server says them when it has let us in.
    onparameter: () => {
      if (state === "opening") state = "open";
      clearTimeout(limit);
    },
    // Missing in its types.
    ...({ socket: openSocket } as object),
    // All of it is the socket's business, above; the driver's own timers would outlive their connection.
    ssl: false,
    connect_timeout: 0,
    max_lifetime: 0,
  });
  return {
    sql,
    lost: loss.promise,
    isOver: () => state === "over",
    get closed() {
      return state === "new" ? Promise.resolve() : closed.promise;
    },
    abandon() {
      isAbandoned = true;
      opening.abort(connectionError("CONNECTION_ENDED", target));
      socket?.destroy();
    },
  };
}

function paceOf({ host, port }: StreamTarget): ConnectionPace {
  const server = `${host}:${port}`;
  const pace = paces.get(server) ?? new ConnectionPace(systemClock, Math.random);
  paces.set(server, pace);
  return pace;
}
