/** `slabmend setup` on a real database; a script answers the questions. */
import { randomBytes } from "node:crypto";
import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { parseEnv } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type CommandContext, createContext } from "../../../lib/cli/command/command-context.ts";
import { withDatabase } from "../../../lib/cli/command/open-database.ts";
import { setUp } from "../../../lib/cli/commands/setup/set-up.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { WORK_VARIABLES } from "../../../lib/config/work-variables.ts";
import { scramVerifier } from "../../../lib/database/schema/make-fleet-role.ts";
import { Secret } from "../../../lib/secret/secret.ts";
import { rememberVariables } from "../../canary/remember-variables.ts";
import { useDatabase } from "../../support/database.ts";
import { applyGrant } from "../fleet-role.ts";
import { runCli } from "../run-cli.ts";
import { type Answer, type Answering, answering, ctrlC } from "./answering.ts";

const PHRASE = `${"abandon ".repeat(11)}about`;
const SEED = "a2148f6a110c828b50a1ef70f18793c5025d84032d333d8806a97a5d9e86e901";
const WALLET_HASH = "ee40078ab9d743f3a7ef99d9e68a7b3a59f7a80c422bd01a2bdce93a45adf758";

const database = useDatabase({ schema: "indexd" });
let folder: string;
let file: string;
/** A unique name, because roles belong to the whole server. */
let role: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "slabmend-setup-"));
  await database.sql`update global_settings set wallet_hash = ${Buffer.from(WALLET_HASH, "hex")}`;
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  file = join(folder, randomBytes(4).toString("hex"));
  role = `setup_${randomBytes(6).toString("hex")}`;
});
afterEach(async () => {
  await database.sql.unsafe("drop schema if exists slabmend cascade");
  for (const { name } of await roles()) await database.sql.unsafe(`drop owned by ${name}; drop role ${name}`);
});

const roles = () =>
  database.sql<{ name: string }[]>`select rolname as name from pg_roles where starts_with(rolname, ${role})`;
const hasSchema = async (): Promise<boolean> =>
  (await database.sql`select from pg_namespace where nspname = 'slabmend'`).length > 0;

interface Outcome {
  readonly questions: Answering;
  /** The context that serve was started with. */
  readonly served: CommandContext[];
  readonly written: Record<string, string | undefined>;
}

function contextOf(environment: Record<string, string> = {}): CommandContext {
  rememberVariables(Object.entries(environment));
  const stream = new PassThrough();
  const { signal } = new AbortController();
  return createContext(
    { environment, stdin: stream, stdout: stream, stderr: stream, clock: systemClock, signal },
    {},
  );
}

async function run(answers: readonly Answer[], environment: Record<string, string> = {}): Promise<Outcome> {
  const questions = answering(answers);
  const served: CommandContext[] = [];
  await setUp(contextOf(environment), file, questions, async (context) => {
    served.push(context);
    return "done";
  });
  expect(questions.left).toEqual([]);
  const written = { ...parseEnv(await readFile(file, "utf8").catch(() => "")) };
  rememberVariables(Object.entries(written));
  return { questions, served, written };
}

/** The answers of a first run, without a schema yet. */
const firstRun = (): Answer[] => [
  ["1 of 5, database", "enter"],
  ["URL of the database", database.url],
  ["2 of 5, schema", "init"],
  ["3 of 5, role", "make"],
  ["Name of the role", role],
  ["4 of 5, seed", "phrase"],
  ["Recovery phrase", PHRASE],
  ["5 of 5, a first look", "look"],
  ["What now?", "serve"],
];

const mayWork = (url: string): Promise<boolean> =>
  withDatabase(contextOf({ SLABMEND_DATABASE_URL: url }), { needs: "fleet" }, async () => true);

describe("setup", () => {
  test("setup creates schema, role and file, runs the checks, and starts serve with the file", async () => {
    const { questions, served, written } = await run(firstRun());
    expect(await hasSchema()).toBe(true);
    expect(Object.keys(written)).toEqual(["SLABMEND_DATABASE_URL", "SLABMEND_MIGRATION_SEED"]);
    expect(written["SLABMEND_MIGRATION_SEED"]).toBe(SEED);
    expect((await stat(file)).mode & 0o777).toBe(0o600);

    const url = new URL(written["SLABMEND_DATABASE_URL"]!);
    expect([url.username, url.pathname]).toEqual([role, new URL(database.url).pathname]);
    expect(await mayWork(url.href)).toBe(true);
    expect(served).toHaveLength(1);
    expect(served[0]!.databaseUrl?.reveal()).toBe(url.href);
    expect(served[0]!.parse(WORK_VARIABLES)).toBeDefined();

    expect(questions.said()).toContain("the phrase matches the indexd in the database");
    expect(questions.said()).toMatch(/ok +privileges +role setup_/);
    expect(questions.said()).toContain("no walk yet");
    for (const secret of [url.password, SEED, "abandon"]) expect(questions.said()).not.toContain(secret);
  });

  test("setup sends the server a verifier of the role's password, not the password", async () => {
    const { written } = await run(firstRun());
    const [row] = await database.sql<{ verifier: string }[]>`
      select rolpassword as verifier from pg_authid where rolname = ${role}`;
    expect(row!.verifier).toMatch(/^SCRAM-SHA-256\$4096:/);
    // On loopback the test's server may trust all logins, so a login proves nothing: compare the stored verifier
    // instead.
    const [, salt = ""] = /^SCRAM-SHA-256\$4096:([^$]+)\$/.exec(row!.verifier) ?? [];
    const password = new Secret(new URL(written["SLABMEND_DATABASE_URL"]!).password);
    expect(scramVerifier(password, Buffer.from(salt, "base64"))).toBe(row!.verifier);
  });

  test("a second run of setup finds everything done and does not change the file", async () => {
    await run(firstRun());
    const lines = `# mine\nOTHER='a b'\n${await readFile(file, "utf8")}SLABMEND_DAILY_SIACOINS=50\n`;
    await writeFile(file, lines);
    await chmod(file, 0o644);
    const { questions } = await run([
      ["exists", "update"],
      ["1 of 5, database", "keep"],
      ["4 of 5, seed", "keep"],
      ["5 of 5", "skip"],
      ["What now?", "aws"],
    ]);
    expect(await readFile(file, "utf8")).toBe(lines);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(questions.said()).toContain("2 of 5, schema: version 1 exists");
    expect(questions.said()).toContain("has the fleet's privileges and no others");
    expect(questions.said()).toContain("npx sst secret set DefaultMigrationSeed");
  });

  test("setup gives an existing role a new password only after confirmation, and otherwise keeps the file's login", async () => {
    const first = await run(firstRun());
    const again: Answer[] = [
      ["exists", "update"],
      ["1 of 5, database", "enter"],
      ["URL of the database", database.url],
      ["2 of 5, schema", "skip"],
      ["3 of 5, role", "make"],
      ["Name of the role", role],
    ];
    const rest: Answer[] = [
      ["4 of 5, seed", "keep"],
      ["5 of 5", "skip"],
      ["What now?", "end"],
    ];
    const skipped = await run([...again, ["would need the new password", "skip"], ...rest]);
    expect(skipped.written).toEqual(first.written);
    const replaced = await run([...again, ["would need the new password", "replace"], ...rest]);
    expect(replaced.written).not.toEqual(first.written);
    expect(await mayWork(replaced.written["SLABMEND_DATABASE_URL"]!)).toBe(true);
  });

  test("skipped steps of setup change nothing, and serve is not offered", async () => {
    const { questions, written } = await run([
      ["1 of 5, database", "skip"],
      ["4 of 5, seed", "seed"],
      ["Migration seed", SEED],
    ]);
    expect(written).toEqual({ SLABMEND_MIGRATION_SEED: SEED });
    expect(await hasSchema()).toBe(false);
    expect(questions.said()).toContain("The database or the seed was skipped");

    const nothing = await run([
      ["exists", "update"],
      ["1 of 5, database", "enter"],
      ["URL of the database", database.url],
      ["2 of 5, schema", "skip"],
      ["4 of 5, seed", "skip"],
      ["5 of 5", "skip"],
    ]);
    expect(nothing.written).toEqual(written);
    expect(nothing.questions.said()).toContain("it needs the schema");
  });

  test("setup does not change an existing file if the user chooses another path", async () => {
    const before = "SLABMEND_DATABASE_URL=postgres://u@127.0.0.1:1/x\n";
    await writeFile(file, before);
    const other = `${file}.other`;
    const questions = answering([
      ["exists", "other"],
      ["Path of the file", other],
      ["1 of 5, database", "skip"],
      ["4 of 5, seed", "seed"],
      ["Migration seed", SEED],
    ]);
    await setUp(contextOf(), file, questions, async () => "done");
    expect(await readFile(file, "utf8")).toBe(before);
    expect(await readFile(other, "utf8")).toBe(`SLABMEND_MIGRATION_SEED=${SEED}\n`);
  });
});

describe("setup reports wrong values at once and asks again", () => {
  test("setup asks again after a wrong database URL, role name, recovery phrase or seed", async () => {
    const withPath = (path: string): string => Object.assign(new URL(database.url), { pathname: path }).href;
    const wrongUrls: readonly (readonly [url: string, says: string])[] = [
      ["hunter2canary", "expected a URL, got 13 characters"],
      ["postgres://u:hunter2canary@8.8.8.8/x", "expected TLS to the public host 8.8.8.8"],
      ["postgres://u:hunter2canary@127.0.0.1:1/x", "Check the host and port"],
      [withPath("/nowhere"), "Correct the database's name"],
      [withPath("/postgres"), "indexd"],
    ];
    const wallet = "legal winner thank year wave sausage worth useful legal winner thank yellow";
    const { questions, written } = await run([
      ...wrongUrls.flatMap(([url]): Answer[] => [
        ["1 of 5, database", "enter"],
        ["URL of the database", url],
      ]),
      ["1 of 5, database", "enter"],
      ["URL of the database", database.url],
      ["2 of 5, schema", "init"],
      ["3 of 5, role", "make"],
      ["Name of the role", "Not A Role"],
      ["Name of the role", role],
      ["4 of 5, seed", "phrase"],
      ["Recovery phrase", "abandon ".repeat(11)],
      ["4 of 5, seed", "phrase"],
      ["Recovery phrase", wallet],
      ["4 of 5, seed", "seed"],
      ["Migration seed", SEED.slice(1)],
      ["4 of 5, seed", "phrase"],
      ["Recovery phrase", PHRASE],
      ["5 of 5", "skip"],
      ["What now?", "end"],
    ]);
    for (const [, says] of wrongUrls) expect(questions.said()).toContain(says);
    expect(questions.said()).toContain("expected 12 words, got 11");
    expect(questions.said()).toContain("got one of another wallet");
    expect(questions.said()).toContain("64 hex digits");
    expect(questions.said()).toContain("expected lower-case letters, digits and underscores");
    expect(questions.said()).not.toMatch(/hunter2|abandon|winner/);
    expect(written["SLABMEND_MIGRATION_SEED"]).toBe(SEED);
  });

  test("setup prints the SQL for a login that may not create roles, and tests the role's URL", async () => {
    await runCli(["init", "--yes"], { environment: { SLABMEND_DATABASE_URL: database.url } });
    // A role other than the owner, with more privileges than a worker.
    const login = `${role}_login`;
    await applyGrant(database.url, login, 4);
    await database.sql.unsafe(
      `grant delete on public.sectors to ${login}; alter role ${login} password 'hunter2login'`,
    );
    const as = (name: string, password: string): string =>
      Object.assign(new URL(database.url), { username: name, password }).href;
    const { questions, written } = await run([
      ["1 of 5, database", "enter"],
      ["URL of the database", as(login, "hunter2login")],
      ["3 of 5, role", "make"],
      ["Name of the role", role],
      ["The role's URL", "enter"],
      // The SQL has not been applied yet.
      ["URL with the role's name", as(role, "hunter2role")],
      [
        "The role's URL",
        async () => {
          await applyGrant(database.url, role, 4);
          await database.sql.unsafe(`alter role ${role} password 'hunter2role'`);
          return "enter";
        },
      ],
      ["URL with the role's name", as(role, "hunter2role")],
      ["4 of 5, seed", "skip"],
      ["5 of 5", "skip"],
    ]);
    expect(questions.said()).toContain(`create role ${role} login noinherit;`);
    expect(questions.said()).not.toContain("hunter2");
    expect(written).toEqual({ SLABMEND_DATABASE_URL: as(role, "hunter2role") });
  });
});

test("an owner without superuser rights can set up schema and role if it may create roles", async () => {
  const { sql } = database;
  const owner = `${role}_owner`;
  const giveTables = (to: string) =>
    sql.unsafe(`do $$ declare r record; begin
      for r in select oid::regclass as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      loop execute format('alter table %s owner to ${to}', r.name); end loop; end $$`);
  const [{ me } = { me: "" }] = await sql<{ me: string }[]>`select current_user::text as me`;
  await sql.unsafe(
    `create role ${owner} login createrole password 'hunter2owner'; alter schema public owner to ${owner}`,
  );
  await sql.unsafe(`alter database ${new URL(database.url).pathname.slice(1)} owner to ${owner}`);
  await giveTables(owner);
  try {
    const url = Object.assign(new URL(database.url), { username: owner, password: "hunter2owner" }).href;
    const answers = firstRun().map(
      ([question, answer]): Answer => [question, answer === database.url ? url : answer],
    );
    const { written } = await run(answers);
    expect(new URL(written["SLABMEND_DATABASE_URL"]!).username).toBe(role);
    expect(await mayWork(written["SLABMEND_DATABASE_URL"]!)).toBe(true);
  } finally {
    await giveTables(me);
    await sql.unsafe(`reassign owned by ${owner} to ${me}`);
  }
});

test("Ctrl+C at any question of setup leaves no partial result", async () => {
  const answers = firstRun();
  for (const [place, [question]] of answers.entries()) {
    const started = answering([...answers.slice(0, place), [question, ctrlC]]);
    const serve = () => Promise.reject(new Error("serve was started"));
    await expect(setUp(contextOf(), file, started, serve)).rejects.toMatchObject({ name: "AbortError" });
    const written: Record<string, string | undefined> = {
      ...parseEnv(await readFile(file, "utf8").catch(() => "")),
    };
    rememberVariables(Object.entries(written));
    const { SLABMEND_DATABASE_URL: url, SLABMEND_MIGRATION_SEED: seed } = written;
    const reached = (text: string): boolean => answers.findIndex(([asked]) => asked.startsWith(text)) < place;
    expect([question, await hasSchema()]).toEqual([question, reached("2 of 5")]);
    expect([question, (await roles()).length]).toEqual([question, reached("Name") ? 1 : 0]);
    expect([question, url !== undefined && (await mayWork(url))]).toEqual([question, reached("Name")]);
    expect([question, seed]).toEqual([question, reached("Recovery") ? SEED : undefined]);
    // No temporary file of an incomplete write remains.
    expect((await readdir(folder)).filter((name) => join(folder, name).startsWith(`${file}.`))).toEqual([]);
    await rm(file, { force: true });
    await database.sql.unsafe("drop schema if exists slabmend cascade");
    for (const { name } of await roles())
      await database.sql.unsafe(`drop owned by ${name}; drop role ${name}`);
  }
});

test("setup without a terminal or with --json ends with 2 and names the commands that need no terminal", async () => {
  const plain = await runCli(["setup", "--file", file]);
  expect([plain.code, plain.out]).toEqual([2, ""]);
  expect(plain.err).toContain("slabmend derive-seed, init, grant and doctor");
  expect((await runCli(["setup", "--json"])).error?.code).toBe("terminal-missing");
});
