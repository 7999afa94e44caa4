/**
 * The database client: at most one connection, opened on demand, through postgres.js. When a connection ends, for any
 * reason, its driver is discarded with it, and the next statement opens a new one
 * (docs/decisions/0014-database-client.md).
 *
 *   (none) --statement--> opening --log in--> open --idle / end--> over --statement--> opening ...
 *                            \------------------\----lost--------/
 *
 * What always holds: all statements of a transaction use the connection on which it began; a connection is closed
 * before the next one is opened; an error is thrown only in the call that caused it.
 */
import postgres, { type Sql } from "postgres";
import { systemClock } from "../../clock/clock.ts";
import { ConfigurationError } from "../../config/configuration-error.ts";
import { readDatabaseUrl } from "../../config/database-url.ts";
import { connectionError } from "./connection-error.ts";
import { ConnectionPace } from "./connection-pace.ts";
import { DriverSocket } from "./driver-socket.ts";
import { openStream, type StreamTarget } from "./open-stream.ts";

/** A worker needs no connection during a transfer: an idle one is closed after this time. */
const IDLE_SECONDS = 1;
/**
 * A database that accepts no connection for this long is treated as gone; SQS then delivers the repair's message again.
 */
const CONNECT_MS = 10_000;
/** How long `end` without a limit waits for the server to close the connection. */
const FAREWELL_SECONDS = 5;

/** The pace of new connections, for each server to which this process has connected. */
const paces = new Map<string, ConnectionPace>();

interface Driver {
  readonly sql: Sql;
  /** No further statement can be sent through this driver. */
  readonly isOver: () => boolean;
  /** Resolves when the driver's connection is closed, or could not be made. */
  readonly closed: Promise<void>;
  /** Rejects when the driver's connection is lost. */
  readonly lost: Promise<never>;
  readonly abandon: () => void;
}

/**
 * The client works behind a transaction pooler: no named prepared statements, no session state, no look-up of types.
 * End the client before a Lambda function returns: Lambda then freezes the process, and an open connection would be
 * dead at the next invocation. Use it through a {@link DeadlineClient}: by itself it waits forever for a silent server.
 *
 * @param authorities certificates of authorities, as PEM, to use instead of those built into Node.js
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
  // If the connection is lost, the driver may never settle the transaction, because the driver waits for the rollback.
  // So the call ends when the connection is lost.
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

/** @param previous resolves when the next connection may be opened */
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
    // Statements queued in the driver for this connection would otherwise wait forever.
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
      // The `sql.end` in onOver must begin before this error is thrown. The error fails the driver's first statement;
      // the driver then rejects the statements in its queue only if the driver is already ending.
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
    // The server sends parameters once it has accepted the login.
    onparameter: () => {
      if (state === "opening") state = "open";
      clearTimeout(limit);
    },
    // The option `socket` is missing in the driver's types.
    ...({ socket: openSocket } as object),
    // TLS and timers are handled by openSocket above; the driver's own timers would outlive their connection.
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
