/** A PostgreSQL whose certificate is signed by a private authority, as with RDS. */
import { randomBytes } from "node:crypto";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { indexdSchema } from "../../dev/indexd/indexd-schema.ts";
import { type PostgresServer, startPostgres } from "../../dev/postgres/postgres.ts";
import { connect } from "../../lib/database/client/connect.ts";
import { migrateDatabase } from "../../lib/database/schema/migrate-database.ts";
import { startCli } from "../cli/cli-process.ts";
import { runCli } from "../cli/run-cli.ts";
import { makeCertificate } from "../support/certificates.ts";

const authority = makeCertificate({ name: "a private authority", isAuthority: true });
const another = makeCertificate({ name: "another authority", isAuthority: true });
const certificate = makeCertificate({ name: "localhost", issuer: authority });

let server: PostgresServer;
beforeAll(async () => {
  const loaded = Promise.withResolvers<void>();
  server = await startPostgres({
    onLogLine(line) {
      if (line.includes('"ssl" changed to "on"')) loaded.resolve();
      if (/private key file|could not load|SSL is not supported/.test(line)) loaded.reject(new Error(line));
    },
  });
  const admin = postgres(server.url("postgres"), { max: 1, onnotice: () => {} });
  const [row] = await admin<{ data_directory: string }[]>`show data_directory`;
  const key = certificate.key.export({ type: "pkcs8", format: "pem" }) as string;
  // The server itself writes certificate and key, because only its user may own and read the key file.
  for (const [name, pem] of Object.entries({ "server.crt": certificate.cert, "server.key": key })) {
    await admin.unsafe(
      `copy (select line from unnest(string_to_array('${pem.trim()}', E'\n')) line)
       to program 'umask 077; cat > "${row!.data_directory}/${name}"'`,
    );
  }
  await admin`alter system set ssl = on`;
  await admin`select pg_reload_conf()`;
  await loaded.promise;
  await admin.end();
});
afterAll(() => server?.stop());

function url(host: string): string {
  const text = new URL(server.url("postgres"));
  text.hostname = host;
  text.searchParams.set("sslmode", "verify-full");
  return text.href;
}

async function isEncrypted(host: string, authorities?: string): Promise<boolean> {
  const sql = connect(url(host), "test", authorities);
  try {
    const [row] = await sql<{ ssl: boolean }[]>`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return row!.ssl;
  } finally {
    await sql.end();
  }
}

test("a server certificate is trusted only if its own authority is configured", async () => {
  expect(await isEncrypted("localhost", authority.cert)).toBe(true);
  expect(await isEncrypted("localhost", another.cert + authority.cert)).toBe(true);
  for (const authorities of [undefined, another.cert]) {
    await expect(isEncrypted("localhost", authorities)).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/),
    });
  }
});

test("a certificate for another address is refused, even from a trusted authority", async () => {
  await expect(isEncrypted("127.0.0.1", authority.cert)).rejects.toMatchObject({
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
});

test("the command line trusts the authorities of SLABMEND_DATABASE_CA", async () => {
  const encryption = async (environment: Record<string, string>) => {
    const { json } = await runCli(["doctor", "--json"], {
      environment: { SLABMEND_DATABASE_URL: url("localhost"), ...environment },
    });
    const { checks } = json as { checks: { code: string; level: string }[] };
    return checks.filter(({ code }) => code === "database" || code === "tls").map(({ level }) => level);
  };
  expect(await encryption({ SLABMEND_DATABASE_CA: authority.cert })).toEqual(["ok", "ok"]);
  expect(await encryption({})).toEqual(["failure"]);
});

test("a worker without a queue uses the authorities for its claims and reaps too", async () => {
  const owner = connect(url("localhost"), "test", authority.cert);
  await owner.unsafe(indexdSchema());
  await migrateDatabase(owner);
  await owner.end();
  const cli = startCli(["work", "--from-database", "--concurrency", "1", "--json"], {
    SLABMEND_DATABASE_URL: url("localhost"),
    SLABMEND_DATABASE_CA: authority.cert,
    SLABMEND_MIGRATION_SEED: randomBytes(32).toString("hex"),
    SLABMEND_LOG_LEVEL: "info",
  });
  try {
    await cli.until('"reap ended"');
    cli.child.kill("SIGTERM");
    expect(await cli.ended).toBe(0);
  } finally {
    cli.child.kill("SIGKILL");
    await cli.ended;
  }
});
