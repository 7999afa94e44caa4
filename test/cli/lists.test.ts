/** The text output of slabs, slab, history and hosts. Their JSON output is tested in test/reports/readers.test.ts. */
import { beforeAll, expect, test } from "vitest";
import { walk, walkSettings } from "../jobs/backlog/backlog-fixture.ts";
import { useDatabase } from "../support/database.ts";
import {
  LOST,
  placeOn,
  type SeededHost,
  type SeededSlab,
  seedAccount,
  seedNetwork,
  seedObject,
  seedSlabs,
} from "../support/seed-indexd.ts";
import { runCli } from "./run-cli.ts";

const database = useDatabase();
const { sql } = database;
let hosts: SeededHost[];
let endangered: SeededSlab, waiting: SeededSlab;

beforeAll(async () => {
  hosts = await seedNetwork(sql, {
    hosts: 13,
    seed: (n) => ({ addresses: [`10.0.${n}.1:1`], blocked: n === 12 }),
  });
  const live = placeOn(hosts.slice(0, 11));
  [endangered, waiting] = (await seedSlabs(sql, {
    minShards: 3,
    slabs: [{ sectors: [LOST, ...live.slice(0, 4)] }, { sectors: [...live, ...placeOn([hosts[12]!])] }],
  })) as [SeededSlab, SeededSlab];
  const accountId = await seedAccount(sql);
  await seedObject(sql, { accountId, slabs: [endangered] });
});

/** The lines of a successful command's output, with the gaps between columns reduced to two blanks. */
async function print(...args: string[]): Promise<string[]> {
  const { code, out, err } = await runCli(args, { environment: { SLABMEND_DATABASE_URL: database.url } });
  expect([code, err]).toEqual([0, ""]);
  expect(out.split("\n").filter((line) => /\s$/.test(line))).toEqual([]);
  return out
    .trimEnd()
    .split("\n")
    .map((line) => line.trim().replaceAll(/ {2,}/g, "  "));
}

test("before the first walk `slabs` says that its list may be incomplete, and `history` is empty", async () => {
  expect(await print("slabs")).toEqual([
    "! no walk has finished yet: there may be more unhealthy slabs",
    "no slab",
  ]);
  expect(await print("history")).toEqual(["no repairs"]);
});

test("`slabs` lists endangered slabs first, with a mark, and ends with a cursor", async () => {
  await walk(sql, walkSettings({ graceMs: 3_600_000 }));
  expect(await print("slabs")).toEqual([
    "2 slabs",
    "slab  shards  margin  loss  objects  state  causes",
    expect.stringMatching(new RegExp(`^!  ${endangered.id}  3 of 5  1  0\\.0\\d+  1  ready  1 lost$`)),
    expect.stringMatching(
      new RegExp(`^${waiting.id}  3 of 12  8  \\S+  0  waiting for (1 h|59 min|60 min)\\S*  1 bad-host$`),
    ),
  ]);
  const page = await print("slabs", "--limit", "1");
  expect(page[0]).toBe("2 slabs, 1 of them here");
  expect(page.at(-1)).toMatch(/^next page: --cursor \S+$/);
  expect(await print("slabs", "--margin", "0")).toEqual(["no slab"]);
});

test("`slab` shows each shard with its problem, and the objects", async () => {
  const lines = await print("slab", String(endangered.id));
  expect(lines[0]).toBe(`slab ${endangered.id}, digest ${endangered.digest}`);
  expect(lines[1]).toMatch(/^3 of 5, margin 1: ready, loss probability 0\.0\d+ within a week$/);
  expect(lines[2]).toMatch(/^next attempt \S+Z, written by (indexd|slabmend)$/);
  expect(lines.slice(4, 7)).toEqual(["shard  state  host  why", "0  lost  -", "1  live  10.0.0.1:1"]);
  expect(lines.slice(-2)).toEqual(["1 object", expect.stringMatching(/^\S{20,}$/)]);
  expect(await print("slab", String(waiting.id))).toContain("11  bad-host  10.0.12.1:1  blocked");
});

test("`history` lists repairs with their cost, and ends with a cursor", async () => {
  await sql`
    insert into slabmend.journal (token, slab_id, digest, outcome, reported_outcome, error, bytes_read, hastings, worker,
      leased_at, began_at, finished_at)
    select gen_random_uuid(), n, sha256('x'), case n when 1 then 'fault' else 'repaired' end, 'repaired',
      case n when 1 then 'no-host-answered' end, 8388608, 1500000000000000000000000, 'w', t, t, t + interval '42 seconds'
    from generate_series(1, 2) n, lateral (select timestamptz '2026-11-30 08:00:00Z' + n * interval '1 hour' as t) x`;
  expect(await print("history")).toEqual([
    "ended  slab  outcome  moved  lost  read  paid  took",
    "2026-11-30T10:00:42Z  2  repaired  0  0  8 MiB  1.500000 SC  42 s",
    "2026-11-30T09:00:42Z  1  fault (no-host-answered)  0  0  8 MiB  1.500000 SC  42 s",
  ]);
  const page = await print("history", "--limit", "1");
  expect(page).toHaveLength(3);
  expect(page[2]).toMatch(/^earlier ones: --cursor \S+$/);
});

test("`hosts` shows speeds, failures, and why a host may not take sectors", async () => {
  await sql`
    insert into slabmend.host_scores (host_key, read_bytes, read_ms, successes, failures, faded_at)
    values (decode(${hosts[3]!.hostKey}, 'hex'), 8388608, 1000, 0, 40, clock_timestamp())`;
  const key = (n: number) => hosts[n]!.hostKey.slice(0, 12);
  const lines = await print("hosts");
  expect(lines).toHaveLength(2 + hosts.length);
  expect(lines[0]).toBe("13 hosts, 12 good, 12 may take sectors");
  expect(lines[1]).toBe("host  reads  writes  fails  unpinned  address  why not a candidate");
  expect(lines).toContain(`${key(0)}  -  -  -  0  10.0.0.1:1`);
  expect(lines.at(-1)).toBe(`${key(12)}  -  -  -  0  10.0.12.1:1  blocked, no-append-contract`);
  expect(lines).toContainEqual(
    expect.stringMatching(new RegExp(`^${key(3)}  [78](\\.\\d)? MiB/s  -  \\d\\d %  0  10\\.0\\.3\\.1:1$`)),
  );
  const problems = await print("hosts", "--problems");
  expect(problems.slice(2).map((line) => line.slice(0, 12))).toEqual([key(3), key(12)]);
});
