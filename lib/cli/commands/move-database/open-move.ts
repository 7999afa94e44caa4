import type { Sql } from "postgres";
import { connect } from "../../../database/client/connect.ts";
import { type Ask, askWithin, createDeadlineClient } from "../../../database/client/deadline-client.ts";
import { MOVE } from "../../../database/move/move-names.ts";
import { readMoveRoles } from "../../../database/move/move-roles.ts";
import { newPassword } from "../../../database/move/publication.ts";
import { type MoveServer, readMoveServer } from "../../../database/move/read-move-server.ts";
import { readMoveSource } from "../../../database/move/read-move-source.ts";
import { readMoveTarget } from "../../../database/move/read-move-target.ts";
import {
  connectionString,
  type SourceAddress,
  tryToReachSource,
} from "../../../database/move/subscription.ts";
import { readUnfinishedRun } from "../../../database/runs/maintenance-runs.ts";
import { OperatorError } from "../../../errors/operator-error.ts";
import type { MoveFacts } from "../../../jobs/move-database/judge-plan.ts";
import { IDEMPOTENT, type MoveDependencies } from "../../../jobs/move-database/move-dependencies.ts";
import { placeOf } from "../../../jobs/move-database/move-job.ts";
import { estimateMove } from "../../../jobs/move-database/move-kind.ts";
import type { MoveScope } from "../../../jobs/move-database/move-run.ts";
import { readPgDumpVersion } from "../../../jobs/move-database/pg-dump.ts";
import { Secret } from "../../../secret/secret.ts";
import type { CommandContext } from "../../command/command-context.ts";
import { assertProtected, parseDatabaseUrl } from "../../command/database-url.ts";
import { type DatabaseAccess, type DatabaseDemands, withDatabase } from "../../command/open-database.ts";
import { databaseError } from "../../command/report-failure.ts";

/** URL of the new database, for a superuser of its server. The URL is a secret, so there is no option for it. */
const TARGET_VARIABLE = "SLABMEND_TARGET_DATABASE_URL";
const SOURCE_VARIABLE = "SLABMEND_DATABASE_URL";

export interface MoveOptions {
  readonly pgDump?: string;
  /** HOST:PORT at which the target reaches the source. */
  readonly sourceAddress?: string;
  readonly sourceSslRoot?: string;
}

export interface OpenMove extends MoveDependencies {
  readonly address: SourceAddress;
  readonly access: DatabaseAccess;
}

/** Opens both databases and closes them. */
export async function withMove<Result>(
  context: CommandContext,
  demands: DatabaseDemands,
  options: MoveOptions,
  work: (move: OpenMove) => Promise<Result>,
): Promise<Result> {
  const given = context.variables[TARGET_VARIABLE];
  if (given === undefined || given === "") {
    throw new OperatorError({
      code: "database-url-missing",
      message: `target's database URL: expected ${TARGET_VARIABLE} to be set, got nothing`,
      remedy: "Set it to the URL of the new, empty database, in the environment or with --variables-file.",
    });
  }
  const location = parseDatabaseUrl(given);
  await assertProtected(location);
  return await withDatabase(context, demands, async (source, access) => {
    const { SLABMEND_DATABASE_CA: authorities } = context.parse(["SLABMEND_DATABASE_CA"]);
    const { clock, signal } = context.io;
    const targetAuthorities = location.tls === "verified" ? authorities : undefined;
    const client = createDeadlineClient({
      clock,
      connect: () => connect(location.url, "slabmend-move", targetAuthorities),
    });
    try {
      return await work({
        source,
        target: namingTarget(askWithin(client, clock)),
        sourceUrl: new Secret(access.location.url),
        authorities,
        pgDump: options.pgDump ?? "pg_dump",
        connectSourceAs: (user, password) => connectAs(access, user, password, authorities),
        interrupt: signal,
        address: addressOf(access, options),
        access,
      });
    } finally {
      await client.end();
    }
  });
}

/**
 * For queries to the target: if the target cannot be reached, the remedy names the variable of the target's URL.
 * Otherwise it would name the variable of the source's URL, as the remedy for any failed connection does.
 */
function namingTarget(ask: Ask): Ask {
  return async (statements, options) => {
    try {
      return await ask(statements, options);
    } catch (cause) {
      const error = databaseError(cause);
      if (error === undefined || !error.remedy.includes(SOURCE_VARIABLE)) throw cause;
      throw new OperatorError({
        code: error.code,
        message: `the target's ${error.message}`,
        remedy: error.remedy.replaceAll(SOURCE_VARIABLE, TARGET_VARIABLE),
        details: error.details,
        cause,
      });
    }
  };
}

function connectAs(
  { location }: DatabaseAccess,
  user: string,
  password: Secret<string>,
  authorities: string | undefined,
): Sql {
  const url = new URL(location.url);
  url.username = user;
  url.password = password.reveal();
  return connect(url.href, "slabmend-move", authorities);
}

function addressOf(
  { location }: DatabaseAccess,
  { sourceAddress, sourceSslRoot }: MoveOptions,
): SourceAddress {
  const url = new URL(location.url);
  const given = sourceAddress === undefined ? undefined : /^(.+):(\d{1,5})$/.exec(sourceAddress);
  if (given === null) {
    throw new OperatorError({
      code: "bad-argument",
      message: `--source-address: expected HOST:PORT, got ${JSON.stringify(sourceAddress?.slice(0, 80))}`,
      remedy: "Give the address at which the target's server reaches the source.",
    });
  }
  return {
    host: given?.[1]?.replace(/^\[(.*)\]$/, "$1") ?? location.host,
    port: given === undefined ? location.port : Number(given[2]),
    database: decodeURIComponent(url.pathname.slice(1)),
    sslMode: url.searchParams.get("sslmode") ?? "prefer",
    sslRootCertificate: sourceSslRoot,
  };
}

/** Reads the facts for `plan`. Changes nothing. */
export async function readMoveFacts(
  move: Pick<OpenMove, "source" | "target" | "pgDump" | "address">,
): Promise<MoveFacts> {
  const read = async <Side>(ask: Ask, more: (sql: Sql) => Promise<Side>): Promise<MoveServer & Side> => ({
    ...(await ask(readMoveServer, IDEMPOTENT)),
    ...(await ask(more, IDEMPOTENT)),
  });
  const source = await read(move.source, readMoveSource);
  const target = await read(move.target, readMoveTarget);
  const login = { user: MOVE, password: newPassword() };
  const isAble = target.isSuperuser && target.leftovers.length === 0;
  return {
    source,
    target,
    roles: source.isSuperuser
      ? await move.source(readMoveRoles, IDEMPOTENT)
      : { roles: [], memberships: [], settings: [] },
    pgDump: await readPgDumpVersion(move.pgDump),
    reach: isAble
      ? await move.target((sql) => tryToReachSource(sql, connectionString(move.address, login)))
      : null,
    activeRun: await move.source(readUnfinishedRun, IDEMPOTENT),
  };
}

/** The record made at the start of a move. Pure. */
export function scopeOf(address: SourceAddress, { source, target, roles }: MoveFacts): MoveScope {
  const { rows, sectors, bytes } = estimateMove(source);
  const { sslRootCertificate, ...rest } = address;
  return {
    source: placeOf(source),
    target: placeOf(target),
    address: { ...rest, ...(sslRootCertificate === undefined ? {} : { sslRootCertificate }) },
    rows,
    sectors,
    bytes,
    createdRoles: roles.roles.map(({ name }) => name).filter((name) => !target.roles.includes(name)),
  };
}
