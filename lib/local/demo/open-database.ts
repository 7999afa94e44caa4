import { readFile } from "node:fs/promises";
import postgres, { type Sql } from "postgres";
import { migrateDatabase } from "../../store/migrate-database.ts";
import type { PostgresServer } from "../postgres.ts";

const DATABASE = "indexd";

export interface DemoDatabase {
  /** For the functions; holds the password. */
  readonly url: string;
  readonly sql: Sql;
}

/** A database as a running indexd has it, with our schema beside it. */
export async function openDatabase(server: PostgresServer): Promise<DemoDatabase> {
  const admin = connect(server.url("postgres"));
  await admin`create database ${admin(DATABASE)}`;
  await admin.end();
  const url = server.url(DATABASE);
  const sql = connect(url);
  const schema = await readFile(new URL("../indexd-schema.sql", import.meta.url), "utf8");
  await sql.unsafe(schema);
  await migrateDatabase(sql);
  return { url, sql };
}

function connect(url: string): Sql {
  return postgres(url, { max: 4, onnotice: () => {}, connection: { application_name: "slabmend-demo" } });
}
