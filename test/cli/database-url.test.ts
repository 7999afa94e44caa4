import { describe, expect, test } from "vitest";
import { assertProtected, parseDatabaseUrl } from "../../lib/cli/command/database-url.ts";
import { runCli } from "./run-cli.ts";

const SECRET = "hunter2canary";
const addresses: Readonly<Record<string, readonly string[]>> = {
  "db.example.com": ["203.0.113.7", "93.184.215.14"],
  "db.internal": ["10.1.2.3", "fd00::7"],
};
const verdict = async (url: string): Promise<string> => {
  try {
    await assertProtected(parseDatabaseUrl(url), async (name) => {
      const found = addresses[name];
      if (found === undefined) throw Object.assign(new Error("not found"), { code: "ENOTFOUND" });
      return found;
    });
    return "allowed";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("which database URLs are allowed, with and without TLS", () => {
  test.each([
    [`postgres://u:${SECRET}@127.0.0.1/indexd`, "allowed"],
    [`postgres://u:${SECRET}@[::1]:5433/indexd`, "allowed"],
    [`postgres://u:${SECRET}@10.0.0.5/indexd?sslmode=disable`, "allowed"],
    [`postgres://u:${SECRET}@db.internal/indexd`, "allowed"],
    // This name is unknown now, and may resolve to a public address when the connection is made.
    [`postgres://u:${SECRET}@nowhere.example/indexd`, "ENOTFOUND"],
    [`postgres://u:${SECRET}@nowhere.example/indexd?sslmode=require`, "allowed"],
    [`postgres://u:${SECRET}@8.8.8.8/indexd`, "database-url-without-tls"],
    [`postgres://u:${SECRET}@[2606:4700::1111]/indexd`, "database-url-without-tls"],
    [`postgres://u:${SECRET}@db.example.com/indexd`, "database-url-without-tls"],
    // sslmode=prefer would fall back to plain text.
    [`postgres://u:${SECRET}@db.example.com/indexd?sslmode=prefer`, "database-url-without-tls"],
    [`postgres://u:${SECRET}@db.example.com/indexd?sslmode=require`, "allowed"],
    [`postgres://u:${SECRET}@db.example.com/indexd?sslmode=verify-full`, "allowed"],
    [`postgres://u:${SECRET}@db.example.com/indexd?sslmode=yes`, "database-url-malformed"],
    [`mysql://u:${SECRET}@db.example.com/indexd`, "database-url-malformed"],
    [`postgres://u:${SECRET}@db.example.com/`, "database-url-malformed"],
    [`postgres://u:${SECRET}@one,two/indexd`, "database-url-malformed"],
    // The database client would throw a bare URIError for the next two passwords.
    ["postgres://u:hunter%zz2canary@127.0.0.1/indexd", "database-url-malformed"],
    ["postgres://u:hunter%ff2canary@127.0.0.1/indexd", "database-url-malformed"],
    ["postgres://u:hunter%2canary@127.0.0.1/indexd", "allowed"],
    // The driver would decode %2C to a comma between two hosts, and would use the last of two sslmodes.
    [`postgres://u:${SECRET}@10.0.0.5%2C8.8.8.8/indexd`, "database-url-malformed"],
    [`postgres://u:${SECRET}@8.8.8.8/indexd?sslmode=require&sslmode=disable`, "database-url-without-tls"],
    [`postgres://u:${SECRET}@8.8.8.8/indexd?sslmode=constructor`, "database-url-malformed"],
    [`host=db user=u password=${SECRET}`, "database-url-malformed"],
  ])("%s: %s", async (url, expected) => {
    expect(await verdict(url)).toBe(expected);
  });
});

describe("a command refuses a database URL with a remedy and does not print its password", () => {
  const status = (args: readonly string[], environment: Record<string, string>) =>
    runCli(["init", "--json", ...args], { environment });

  test.each([
    ["to a public host", `postgres://u:${SECRET}@8.8.8.8/indexd`, 3, "database-url-without-tls"],
    ["of another form", `postgres//u:${SECRET}@8.8.8.8/indexd`, 3, "database-url-malformed"],
    ["with a stray %", "postgres://u:hunter2canary%zz@127.0.0.1/indexd", 3, "database-url-malformed"],
    ["where nobody listens", `postgres://u:${SECRET}@127.0.0.1:1/indexd`, 4, "database-unreachable"],
  ])("%s", async (_name, url, exit, errorCode) => {
    const { code, out, err, error } = await status([], { SLABMEND_DATABASE_URL: url });
    expect([code, error?.code]).toEqual([exit, errorCode]);
    expect(error?.remedy).not.toBe("");
    expect(out + err).not.toContain(SECRET);
  });

  test("without a database URL a command says how to set one", async () => {
    expect((await status([], {})).error?.code).toBe("database-url-missing");
  });

  test("a password on the command line is refused", async () => {
    const { code, err, error } = await status(["--database-url", `postgres://u:${SECRET}@127.0.0.1/i`], {});
    expect([code, error?.code]).toEqual([3, "secret-on-command-line"]);
    expect(err).not.toContain(SECRET);
  });
});
