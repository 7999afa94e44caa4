import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { CLAIM_SETTINGS, WORKER_SETTINGS } from "../../dev/demo/functions/settings.ts";
import { ConfigurationError } from "../../lib/config/configuration-error.ts";
import { parseEnvironment, variablesOf } from "../../lib/config/parse-environment.ts";
import { VARIABLES, type VariableName } from "../../lib/config/variables.ts";
import { claimSettingsFrom } from "../../lib/jobs/claim/claim-settings-from-environment.ts";
import { DEFAULT_WORKER_SETTINGS } from "../../lib/worker/worker-settings.ts";
import { makeCertificate } from "../support/certificates.ts";

const good = {
  SLABMEND_DATABASE_URL: "postgres://slabmend:hunter2@db.example.org/indexd",
  SLABMEND_MIGRATION_SEED: "11".repeat(32),
  SLABMEND_QUEUE_URL: "https://sqs.eu-central-1.amazonaws.com/1/repairs",
  SLABMEND_DEAD_LETTER_QUEUE_URL: "https://sqs.eu-central-1.amazonaws.com/1/dead",
};

function problemsOf(names: readonly VariableName[], environment: Record<string, string>) {
  try {
    parseEnvironment(names, environment);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  }
}

test("the default of every variable is valid, so a function needs only its addresses and secrets", () => {
  for (const name of ["claim", "repair", "reap"] as const) {
    expect(problemsOf(variablesOf(name), good)).toEqual([]);
  }
});

test("parsed values have their types, and are frozen", () => {
  const environment = parseEnvironment(variablesOf("repair"), {
    ...good,
    SLABMEND_MIN_HOST_DISTANCE_KM: "2.5",
  });
  expect(environment.SLABMEND_MIGRATION_SEED.reveal()).toEqual(new Uint8Array(32).fill(0x11));
  expect(environment.SLABMEND_MIN_HOST_DISTANCE_KM).toBe(2.5);
  expect(environment.SLABMEND_ALLOW_PRIVATE_ADDRESSES).toBe(false);
  expect(Object.isFrozen(environment)).toBe(true);
});

test("all problems are reported at once, each with the variable's name", () => {
  const problems = problemsOf(variablesOf("repair"), {
    SLABMEND_DATABASE_URL: "mysql://user:hunter2@db/indexd",
    SLABMEND_MIGRATION_SEED: "canary-not-hex",
    SLABMEND_MIN_HOST_DISTANCE_KM: "far",
    SLABMEND_ALLOW_PRIVATE_ADDRESSES: "yes",
  });
  expect(problems.map(({ name }) => name)).toEqual([
    "SLABMEND_DATABASE_URL",
    "SLABMEND_MIGRATION_SEED",
    "SLABMEND_QUEUE_URL",
    "SLABMEND_MIN_HOST_DISTANCE_KM",
    "SLABMEND_ALLOW_PRIVATE_ADDRESSES",
  ]);
});

test("a password with an invalid % escape is refused before the client library throws a bare URIError", () => {
  const withPassword = (password: string) =>
    problemsOf(["SLABMEND_DATABASE_URL"], {
      SLABMEND_DATABASE_URL: `postgres://u:${password}@db.example.org/indexd`,
    });
  expect(withPassword("hunter%25zz2")).toEqual([]);
  for (const password of ["hunter%zz2", "hunter%", "%ff"]) {
    expect(withPassword(password)).toMatchObject([
      { name: "SLABMEND_DATABASE_URL", expected: expect.stringContaining("%25") },
    ]);
  }
});

test("a malformed secret is never echoed", () => {
  const error = new ConfigurationError(
    problemsOf(["SLABMEND_DATABASE_URL", "SLABMEND_MIGRATION_SEED"], {
      SLABMEND_DATABASE_URL: "mysql://user:hunter2@db/indexd",
      SLABMEND_MIGRATION_SEED: "canary-not-hex",
    }),
  );
  expect(error.message).not.toMatch(/hunter2|canary/);
});

test.each([
  ["production", DEFAULT_WORKER_SETTINGS],
  ["the demo", WORKER_SETTINGS],
])("in %s two heartbeats may fail before a lease is lost", (_where, { leaseMs, heartbeatMs }) => {
  expect(heartbeatMs * 3).toBeLessThanOrEqual(leaseMs);
});

test("environment variables override the settings that they name, and all other settings stay", () => {
  const environment = parseEnvironment(variablesOf("claim"), {
    ...good,
    SLABMEND_REPAIR_CONCURRENCY: "7",
    SLABMEND_INDEXD_GRACE_SECONDS: "0",
    SLABMEND_BAD_HOST_GRACE_SECONDS: "60",
    SLABMEND_DAILY_SIACOINS: "2",
  });
  const settings = claimSettingsFrom(environment, CLAIM_SETTINGS);
  expect(settings).toMatchObject({
    maxInFlight: 14,
    indexdGraceMs: 0,
    topUpMs: CLAIM_SETTINGS.topUpMs,
    budget: { hastings: 2n * 10n ** 24n },
    walk: {
      everyMs: CLAIM_SETTINGS.walk.everyMs,
      indexdGraceMs: 0,
      thresholds: {
        dangerAbove: CLAIM_SETTINGS.walk.thresholds.dangerAbove,
        graceMs: { lost: 0, "bad-contract": 21_600_000, "bad-host": 60_000 },
      },
    },
  });
});

/** Variables that accept most text. */
const FREE_TEXT: readonly VariableName[] = ["SLABMEND_METRICS_NAMESPACE"];

test.each(Object.keys(VARIABLES) as VariableName[])(
  "%s: an invalid value is refused with the variable's name",
  (name) => {
    const words = FREE_TEXT.includes(name) ? [] : ["-1e9", "999999999999999999999", "Not a value"];
    for (const text of ["\u0000", ...words]) {
      expect(problemsOf([name], { [name]: text }).map((problem) => problem.name)).toEqual([name]);
    }
  },
);

test("SLABMEND_DATABASE_CA accepts certificates as text or as a file's path, but only with sslmode=verify-full", async () => {
  const { cert, key } = makeCertificate({ name: "an authority", isAuthority: true });
  const names = ["SLABMEND_DATABASE_URL", "SLABMEND_DATABASE_CA"] as const;
  const url = "postgres://u:p@db.example.org/indexd";
  const verified = { SLABMEND_DATABASE_URL: `${url}?sslmode=verify-full` };
  const folder = await mkdtemp(join(tmpdir(), "slabmend-ca-"));
  const file = join(folder, "ca.pem");
  await writeFile(file, `# RDS\n${cert}${cert}`);
  for (const [text, count] of [
    [cert, 1],
    [cert.replaceAll("\n", "\\n"), 1],
    [file, 2],
  ] as const) {
    const { SLABMEND_DATABASE_CA: read } = parseEnvironment(names, {
      ...verified,
      SLABMEND_DATABASE_CA: text,
    });
    expect(read?.match(/BEGIN CERTIFICATE/g)).toHaveLength(count);
  }
  await rm(folder, { recursive: true });
  const pem = key.export({ type: "pkcs8", format: "pem" }) as string;
  for (const text of [pem, cert.replace("MII", "AAA"), file]) {
    const [problem] = problemsOf(names, { ...verified, SLABMEND_DATABASE_CA: text });
    expect(problem?.name).toBe("SLABMEND_DATABASE_CA");
    expect(problem?.got).not.toContain("BEGIN");
  }
  for (const mode of ["", "?sslmode=require"]) {
    expect(
      problemsOf(names, { SLABMEND_DATABASE_URL: url + mode, SLABMEND_DATABASE_CA: cert }).map(
        ({ expected }) => expected,
      ),
    ).toEqual(["sslmode=verify-full in the database URL"]);
  }
  const [rooted] = problemsOf(names, {
    SLABMEND_DATABASE_URL: `${url}?sslmode=verify-full&sslrootcert=/ca.pem`,
  });
  expect(rooted).toMatchObject({ expected: expect.stringContaining("SLABMEND_DATABASE_CA") });
});
