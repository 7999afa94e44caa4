import { execFile } from "node:child_process";
import { access, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { afterEach, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../dev/postgres/postgres.ts";
import { isAlive } from "../../dev/process/run-folder.ts";

const isRoot = process.getuid?.() === 0;
const run = promisify(execFile);

let server: PostgresServer | undefined;
const before = process.env["TMPDIR"];
afterEach(async () => {
  await server?.stop();
  server = undefined;
  if (before === undefined) delete process.env["TMPDIR"];
  else process.env["TMPDIR"] = before;
});

async function settingsOf(started: PostgresServer): Promise<Record<string, string>> {
  const sql = postgres(started.url("postgres"), { max: 1 });
  try {
    const rows = await sql<{ name: string; setting: string }[]>`SELECT name, setting FROM pg_settings`;
    return Object.fromEntries(rows.map((row) => [row.name, row.setting]));
  } finally {
    await sql.end();
  }
}

test("startPostgres starts PostgreSQL 18 on loopback only, and stop leaves neither process nor folder", async () => {
  const lines: string[] = [];
  server = await startPostgres({
    onLogLine: (line) => lines.push(line),
    settings: { log_connections: "all" },
  });
  const settings = await settingsOf(server);
  expect(settings).toMatchObject({
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    fsync: "off",
    max_connections: "100",
    password_encryption: "scram-sha-256",
  });
  expect(settings["server_version"]).toMatch(/^18\./);
  const { password } = new URL(server.url("postgres"));
  expect(password).toHaveLength(32);
  const guessed = new URL(server.url("postgres"));
  guessed.password = "guessed";
  const sql = postgres(guessed.href, { max: 1 });
  await expect(sql`SELECT 1`).rejects.toMatchObject({ code: "28P01" });
  await sql.end();
  await Promise.all([server.stop(), server.stop()]);
  await server.ended;
  expect(isAlive(server.pid)).toBe(false);
  await expect(access(server.folder)).rejects.toThrow(/ENOENT/);
  expect(lines.join("\n")).toContain("connection authorized");
  expect(lines.join("\n")).not.toContain(password);
});

test("PostgreSQL started with full durability uses PostgreSQL's own defaults", async () => {
  server = await startPostgres({ durability: "full", maxConnections: 20 });
  expect(await settingsOf(server)).toMatchObject({
    fsync: "on",
    synchronous_commit: "on",
    max_connections: "20",
  });
});

test("a setting that the server refuses is a typed error with the log, and nothing is left", async () => {
  await expect(startPostgres({ settings: { shared_buffers: "nonsense" } })).rejects.toMatchObject({
    code: "postgres-failed",
    message: expect.stringContaining("shared_buffers"),
  });
});

test.runIf(isRoot)("PostgreSQL started by root runs as user nobody, if need be from a copy", async () => {
  const kinds = [];
  for (const withoutIdentities of [[], ["nobody", "user-namespace"]] as const) {
    server = await startPostgres({ withoutIdentities });
    kinds.push(server.runsAs);
    expect((await settingsOf(server))["server_version"]).toMatch(/^18\./);
    await server.stop();
  }
  // The result of the first start depends on where the clone is: below a folder of mode 0700, the user nobody cannot
  // read PostgreSQL's original files.
  expect(kinds[1]).toBe("nobody-with-copy");
  expect(["nobody", "user-namespace", "nobody-with-copy"]).toContain(kinds[0]);
});

test.runIf(isRoot)(
  "PostgreSQL started by root below a closed folder runs in a user namespace, or says that it cannot",
  async () => {
    const closed = await mkdtemp(join(tmpdir(), "slabmend-closed-"));
    process.env["TMPDIR"] = closed;
    const namespaces = await run("unshare", ["--user", "--map-user=65534", "--", "true"]).then(
      () => true,
      () => false,
    );
    try {
      if (namespaces) {
        server = await startPostgres();
        expect(server.runsAs).toBe("user-namespace");
        expect((await settingsOf(server))["server_version"]).toMatch(/^18\./);
        await server.stop();
      }
      await expect(startPostgres({ withoutIdentities: ["user-namespace"] })).rejects.toMatchObject({
        code: "postgres-cannot-run",
        message: expect.stringMatching(/nobody \(.*nobody-with-copy \(/),
      });
    } finally {
      await rm(closed, { recursive: true });
    }
  },
);
