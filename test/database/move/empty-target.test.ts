import { expect, test } from "vitest";
import { closeTarget, emptyTarget } from "../../../lib/database/move/load-schema.ts";
import { useDatabase } from "../../support/database.ts";

const database = useDatabase();

test("a database to which roles may connect is not emptied, because it may be the live one", async () => {
  const { sql } = database;
  const [named] = await sql<{ name: string }[]>`select current_database()::text as name`;
  const target = { database: named!.name, created: [] };
  const slabs = async () => (await sql`select to_regclass('public.slabs') as found`)[0]?.["found"];
  await expect(emptyTarget(sql, target)).rejects.toMatchObject({ code: "move-state" });
  expect(await slabs()).toBe("slabs");
  await closeTarget(sql, named!.name);
  await emptyTarget(sql, target);
  expect(await slabs()).toBeNull();
  // Repeated after a lost answer.
  await emptyTarget(sql, target);
});
