import { describe, expect, test } from "vitest";
import { secretProblems } from "../../infra/check-secrets.ts";
import { readDatabaseUrl } from "../../lib/config/database-url.ts";

const URL_OF = (query: string) => `postgres://slabmend:hunter2canary@10.0.0.5/indexd${query}`;
const faultOf = (query: string) => {
  const read = readDatabaseUrl(URL_OF(query));
  return "fault" in read ? read.fault : undefined;
};

describe("query parameters of a database URL", () => {
  test.each([
    "",
    "?sslmode=verify-full",
    "?ssl=require",
    "?sslmode=require&application_name=slabmend&connect_timeout=10",
    "?sslmode=verify-full&target_session_attrs=read-write",
  ])("%j is accepted", (query) => {
    expect(faultOf(query)).toBeUndefined();
  });

  test.each([
    ["Neon's own URL", "?sslmode=require&channel_binding=require", "leave it out", "channel_binding"],
    ["Prisma behind a pooler", "?pgbouncer=true&schema=public", "of Prisma", "pgbouncer, schema"],
    ["libpq's keepalives", "?keepalives=1&keepalives_idle=30", "of libpq", "keepalives, keepalives_idle"],
    ["libpq's GSS encryption", "?gssencmode=disable", "of libpq", "gssencmode"],
    ["a password file", "?passfile=/home/u/.pgpass", "of libpq", "passfile"],
    [
      "a client certificate",
      "?sslmode=verify-full&sslcert=/c.pem&sslkey=/k.pem",
      "of libpq",
      "sslcert, sslkey",
    ],
    ["authorities", "?sslmode=verify-full&sslrootcert=/ca.pem", "SLABMEND_DATABASE_CA", "sslrootcert"],
    ["a socket's folder as host", "?host=/var/run/postgresql", "before the ?", "host"],
    [
      "a timeout that overrides the role's",
      "?statement_timeout=0",
      "no session setting",
      "statement_timeout",
    ],
    [
      "an isolation level that overrides the role's",
      "?default_transaction_isolation=serializable",
      "no session setting",
      "default_transaction_isolation",
    ],
    ["settings in the options", "?options=-c%20bytea_output%3Descape", "no session setting", "options"],
    ["a name in other capitalisation", "?TimeZone=UTC", "no session setting", "timezone"],
    ["the driver's pool", "?max=20&prepare=true", "no setting of a driver", "max, prepare"],
    ["several kinds", "?channel_binding=require&schema=public", "of Prisma", "channel_binding, schema"],
  ])("%s is refused by name", (_what, query, expected, got) => {
    const fault = faultOf(query);
    expect(fault?.expected).toContain(expected);
    expect(fault?.got).toBe(got);
  });

  test("an unknown parameter name is refused and not repeated, because it may be a part of a password", () => {
    const fault = faultOf("?hunter2canary=1&other=2");
    expect(fault).toEqual({
      expected: expect.stringContaining("no parameters except sslmode, ssl, application_name"),
      got: "2 that slabmend does not know",
    });
  });

  test("a deployment refuses a URL with an unsuitable parameter before it creates anything", async () => {
    const problems = await secretProblems("default", {
      SST_SECRET_DefaultDatabaseUrl: URL_OF("?sslmode=require&channel_binding=require"),
      SST_SECRET_DefaultMigrationSeed: "11".repeat(32),
    });
    expect(problems).toEqual([
      {
        name: "DefaultDatabaseUrl",
        expected: expect.stringContaining("channel_binding"),
        got: "channel_binding",
      },
    ]);
  });
});
