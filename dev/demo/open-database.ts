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

/** What `slabmend grant` makes for the fleet. */
export const FLEET_ROLE = "slabmend";

export interface DemoDatabase {
  /** For the functions: the URL of the role that can do what the fleet does and nothing else; holds its password. */
  readonly fleetUrl: string;
  /** Of the owner, for what indexd and the demo itself do. */
  readonly sql: Sql;
  /** Between the owner's clients and the server, when the database is to be moved. */
  readonly proxy: DatabaseProxy | undefined;
  /** One more client of the owner, of one connection, which outlives the database's crashes. The caller ends it. */
  readonly connect: () => Sql;
}

/** A database as a running indexd has it, with our schema beside it and a role for `workers` repairs at once. */
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
    // The move itself needs the superuser: indexd has a role of its own, which may look at sessions as it does.
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
  // One connection: the script has its own begin and commit.
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
