/** The password of serve: set by a command, kept as a hash, needed beyond loopback. Nothing listens here. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { isPassword, isPasswordHash } from "../../lib/server/access/password.ts";
import { runCli } from "./run-cli.ts";

const PASSWORD = "correct horse battery staple";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "slabmend-password-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const setPassword = (input: string) =>
  runCli(["serve", "--set-password"], { environment: { STATE_DIRECTORY: folder }, input });
/** An address beyond loopback that no machine has: serve must refuse before it listens. */
const listen = () =>
  runCli(["--json", "serve", "--listen", "192.0.2.1:1"], {
    environment: {
      STATE_DIRECTORY: folder,
      SLABMEND_DATABASE_URL: "postgres://slabmend@127.0.0.1:1/indexd",
      SLABMEND_MIGRATION_SEED: "5e".repeat(32),
    },
  });

test("--set-password stores the hash of its input in a file that only its owner may read", async () => {
  const { code, out, err } = await setPassword(`${PASSWORD}\n`);
  expect([code, out]).toEqual([0, `wrote ${join(folder, "password")}\n`]);
  const stored = readFileSync(join(folder, "password"), "utf8").trim();
  expect(statSync(join(folder, "password")).mode & 0o777).toBe(0o600);
  expect(isPasswordHash(stored)).toBe(true);
  expect(await isPassword(stored, PASSWORD)).toBe(true);
  expect(await isPassword(stored, `${PASSWORD}!`)).toBe(false);
  // Checking a hash with these parameters would take 2 GiB of memory.
  for (const cost of ["21:8", "20:16"]) expect(isPasswordHash(stored.replace("15:8", cost))).toBe(false);
  expect(out + err + stored).not.toContain(PASSWORD);
});

test("serve --set-password replaces an earlier password", async () => {
  await setPassword(`${PASSWORD}\n`);
  await setPassword("another long password");
  expect(await isPassword(readFileSync(join(folder, "password"), "utf8").trim(), PASSWORD)).toBe(false);
});

test.each(["short\n", "", `${"x".repeat(201)}\n`])(
  "a password of unsuitable length is refused and not repeated: %j",
  async (input) => {
    const { code, err } = await setPassword(input);
    expect(code).not.toBe(0);
    expect(err).toContain("password: expected 12 to 200 characters");
    if (input.trim() !== "") expect(err).not.toContain(input.trim());
  },
);

test("serve refuses to listen beyond loopback without a password", async () => {
  const { code, error } = await listen();
  expect(code).toBe(3);
  expect(error?.message).toContain("password");
});

test("serve refuses a password file that others may read, a symbolic link, and a file without a hash", async () => {
  const path = join(folder, "password");
  await setPassword(PASSWORD);
  chmodSync(path, 0o644);
  expect((await listen()).error?.message).toContain(path);
  chmodSync(path, 0o600);
  writeFileSync(path, PASSWORD);
  expect((await listen()).error?.message).not.toContain(PASSWORD);
  rmSync(path);
  symlinkSync("/etc/hostname", path);
  const { code, error } = await listen();
  expect(code).toBe(3);
  expect(error?.message).toContain(path);
});
