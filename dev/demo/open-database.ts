import { randomBytes } from "node:crypto";
import postgres, { type Sql } from "postgres";
import { connect as connectAsFleet } from "../../lib/database/client/connect.ts";
import { grantStatements } from "../../lib/database/schema/grant-statements.ts";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import { type FixtureVersion, indexdSchema } from "../indexd/indexd-schema.ts";
import type { PostgresServer } from "../postgres/postgres.ts";
import { type DatabaseProxy, startDatabaseProxy } from "./database-proxy.ts";

export const DATABASE = "indexd";
const DEMO = "slabmend-demo";

/** The fleet's role, with the rights from `slabmend grant`. */
export const FLEET_ROLE = "slabmend";

export interface DemoDatabase {
  /** The functions' URL, with the password of a role that has only the fleet's rights. */
  readonly fleetUrl: string;
  /** A client of the owner, for indexd and the demo itself. */
  readonly sql: Sql;
  /** The proxy between the owner's clients and the server; undefined unless the database will be moved. */
  readonly proxy: DatabaseProxy | undefined;
  /** Makes a client of the owner that has one connection and survives crashes of the database. The caller ends it. */
  readonly connect: () => Sql;
}

/** Creates the database of a running indexd, with our schema and a role for `workers` simultaneous repairs. */
export async function openDatabase(
  server: PostgresServer,
  workers: number,
  version: FixtureVersion,
  willMove = false,
): Promise<DemoDatabase> {
  const admin = connectOwner(server.url("postgres"));
  await admin`create database ${admin(DATABASE)}`;
  const direct = new URL(server.url(DATABASE));
  if (willMove) {
    // The move needs the superuser for itself, so indexd gets a role of its own. This role is superuser too, so that it
    // may read sessions.
    direct.username = "indexd";
    direct.password = randomBytes(16).toString("hex");
    await admin.unsafe(`create role indexd superuser login password '${direct.password}'`);
  }
  await admin.end();
  const proxy = willMove ? await startDatabaseProxy(direct.href) : undefined;
  const url = proxy?.url ?? direct.href;
  const sql = connectOwner(url);
  await sql.unsafe(indexdSchema(version));
  await migrateDatabase(sql);
  const password = randomBytes(16).toString("hex");
  // Only one connection, because the script contains begin and commit.
  const owner = connectOwner(url, 1);
  await owner.unsafe(grantStatements({ role: FLEET_ROLE, concurrency: workers }));
  await owner.unsafe(`alter role ${FLEET_ROLE} password '${password}'`);
  await owner.end();
  const fleetUrl = new URL(direct);
  fleetUrl.username = FLEET_ROLE;
  fleetUrl.password = password;
  return { fleetUrl: fleetUrl.href, sql, proxy, connect: () => connectAsFleet(url, DEMO) };
}

export function connectOwner(url: string, max = 4): Sql {
  return postgres(url, { max, onnotice: () => {}, connection: { application_name: DEMO } });
}
