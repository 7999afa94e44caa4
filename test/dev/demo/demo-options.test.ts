import { describe, expect, it, test } from "vitest";
import { parseDemoOptions } from "../../../dev/demo/demo-options.ts";
import { assertDiskSpace, neededBytes } from "../../../dev/demo/disk-space.ts";
import { planDamage } from "../../../dev/demo/plan-damage.ts";

describe("the command line", () => {
  it("the demo's command line has the defaults that the README promises", () => {
    expect(parseDemoOptions([])).toMatchObject({
      slabs: 8,
      hosts: 40,
      minShards: 10,
      totalShards: 30,
      endangered: 2,
      json: false,
      seed: expect.stringMatching(/^[0-9a-f]{8}$/),
    });
  });

  it("the demo's command line takes every option", () => {
    const flags = ["slabs", "hosts", "min-shards", "total-shards", "dead", "blocked", "bad-contracts"];
    const more = ["lost-sectors", "liars", "kill-workers", "workers", "endangered"];
    const database = [
      "restart-database",
      "end-backends",
      "silent-database",
      "wrong-clocks",
      "forgetful-hosts",
      "drain",
      "verify",
    ];
    const all = [...flags, ...more, ...database].flatMap((flag, index) => [`--${flag}`, String(index + 1)]);
    expect(
      parseDemoOptions([
        ...all,
        "--indexd",
        "0.5.0",
        "--upgrade",
        "--seed",
        "any text",
        "--json",
        "--report",
        "a.html",
      ]),
    ).toEqual({
      indexers: 1,
      slabs: 1,
      hosts: 2,
      minShards: 3,
      totalShards: 4,
      dead: 5,
      blocked: 6,
      badContracts: 7,
      lostSectors: 8,
      liars: 9,
      killWorkers: 10,
      workers: 11,
      endangered: 12,
      indexd: "0.5.0",
      upgrade: true,
      move: false,
      restartDatabase: 13,
      endBackends: 14,
      silentDatabase: 15,
      wrongClocks: 16,
      forgetfulHosts: 17,
      drain: 18,
      verify: 19,
      restore: false,
      seed: "any text",
      json: true,
      report: "a.html",
    });
  });

  it("a demo of several indexers has fewer slabs and shards by default", () => {
    expect(parseDemoOptions(["--indexers", "3", "--hosts", "30"])).toMatchObject({
      indexers: 3,
      slabs: 6,
      hosts: 30,
      minShards: 4,
      totalShards: 12,
    });
  });

  it("the demo starts on the newest release of indexd, or on the oldest for an upgrade", () => {
    expect(parseDemoOptions([])).toMatchObject({ indexd: "0.6.1", upgrade: false });
    expect(parseDemoOptions(["--upgrade"])).toMatchObject({ indexd: "0.4.4", upgrade: true });
    expect(() => parseDemoOptions(["--upgrade", "--indexd", "0.6.1"])).toThrow(
      /--upgrade: expected an older release/,
    );
    expect(() => parseDemoOptions(["--indexd", "0.7"])).toThrow(
      /--indexd: expected 0.4.4 or 0.5.0 or 0.6.1, got "0.7"/,
    );
  });

  it("the demo accepts the database options without a value", () => {
    expect(
      parseDemoOptions(["--end-backends", "--silent-database", "--restart-database", "--json"]),
    ).toMatchObject({
      endBackends: 10,
      silentDatabase: 1,
      restartDatabase: 1,
      json: true,
    });
  });

  it("the demo names all wrong values at once", () => {
    expect(() => parseDemoOptions(["--slabs", "0", "--hosts", "many", "--dead", "-1"])).toThrow(
      expect.objectContaining({
        code: "usage",
        message: [
          '--slabs: expected a whole number from 1 to 1000, got "0"',
          '--hosts: expected a whole number from 1 to 500, got "many"',
          '--dead: expected a whole number from 0 to 500, got "-1"',
        ].join("\n"),
      }),
    );
  });

  it("the default number of endangered slabs is at most the number of slabs", () => {
    expect(parseDemoOptions(["--slabs", "1"])).toMatchObject({ endangered: 1 });
    expect(parseDemoOptions(["--slabs", "1", "--endangered", "2"])).toMatchObject({ endangered: 2 });
  });

  it.each([
    [["--slab", "3"], /unknown option '--slab'/],
    [["--seed"], /argument missing/],
    [["three"], /too many arguments/],
  ])("refuses %j", (arguments_, message) => {
    expect(() => parseDemoOptions(arguments_)).toThrow(
      expect.objectContaining({ code: "usage", message: expect.stringMatching(message) }),
    );
  });
});

test("too little disk space is refused with both sizes and a remedy", async () => {
  const options = parseDemoOptions([])!;
  const bytes = neededBytes(options, planDamage({ ...options, seed: "disk" }));
  expect(bytes).toBeGreaterThan(1.2e9);
  expect(bytes).toBeLessThan(1.6e9);
  await expect(assertDiskSpace("/", 1)).resolves.toBeUndefined();
  await expect(assertDiskSpace("/", 1e18)).rejects.toMatchObject({
    code: "no-disk-space",
    message: expect.stringMatching(/^disk space in \/: expected 1000000000000 MB, got \d+ MB$/),
    remedy: expect.stringContaining("TMPDIR"),
  });
  await expect(assertDiskSpace("/nope", 1)).rejects.toMatchObject({
    code: "no-folder",
    message: "temporary folder: expected /nope to be a folder, got ENOENT",
    remedy: expect.stringContaining("TMPDIR"),
  });
});
