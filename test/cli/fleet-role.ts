/**
 * Creates the role from `slabmend grant` for a test's database, with a unique name, because roles belong to the whole
 * server.
 */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import type { TestDatabase } from "../support/database.ts";
import { runCli } from "./run-cli.ts";

export interface FleetRole {
  readonly name: string;
  /** The database's URL with this role's password. */
  readonly url: string;
  drop(): Promise<void>;
}

/**
 * Runs the SQL that `slabmend grant` prints, in the way in which the database's owner would run it: as one script, with
 * its own begin and commit.
 */
export async function applyGrant(ownerUrl: string, role: string, concurrency: number): Promise<void> {
  const { out } = await runCli(["grant", "--role", role, "--concurrency", String(concurrency)]);
  const owner = postgres(ownerUrl, { max: 1, onnotice: () => {} });
  await owner.unsafe(out).finally(() => owner.end());
}

export async function createFleetRole(
  { sql, url }: Pick<TestDatabase, "sql" | "url">,
  concurrency = 4,
): Promise<FleetRole> {
  const name = `fleet_${randomBytes(6).toString("hex")}`;
  const password = randomBytes(18).toString("hex");
  await applyGrant(url, name, concurrency);
  await sql.unsafe(`alter role ${name} password '${password}'`);
  const own = new URL(url);
  own.username = name;
  own.password = password;
  return {
    name,
    url: own.href,
    async drop() {
      await sql.unsafe(`drop owned by ${name}; drop role ${name}`);
    },
  };
}
