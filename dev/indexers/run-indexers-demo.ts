/**
 * The demo with several indexers. Each indexer has its own database server, hosts and objects; a single `slabmend
 * serve` repairs the slabs of all.
 *
 *   worlds -> damage -> serve -> (suspend and resume the first | delete the second when it is repaired | stop the
 *   third's database) -> all repaired -> check and read back each -> stop
 */
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Sql } from "postgres";
import type { IndexerReport } from "../../lib/reports/indexers-schema.ts";
import { checkRules } from "../demo/check-rules.ts";
import { type DatabaseProxy, startDatabaseProxy } from "../demo/database-proxy.ts";
import type { DemoOptions } from "../demo/demo-options.ts";
import { assertDiskSpace, storedBytes } from "../demo/disk-space.ts";
import { MIN_HOST_DISTANCE_KM } from "../demo/fleet-settings.ts";
import { counted, formatSeconds, type Progress } from "../demo/progress.ts";
import { readBack } from "../demo/read-back.ts";
import { readLeftovers } from "../demo/read-leftovers.ts";
import { changeHost } from "../playground/host-changes.ts";
import { startCommand, startFleet } from "../playground/start-fleet.ts";
import { startWorld, type World } from "../playground/start-world.ts";

const NAMES = ["first", "second", "third", "fourth", "fifth"] as const;
/** How long the third indexer's database is stopped. */
const AWAY_MS = 10_000;
/**
 * How long the first indexer stays suspended: long enough for the demo to notice a repair that runs in spite of the
 * suspension.
 */
const SUSPENDED_MS = 4_000;
/** The demo gives up if an indexer makes no progress for this time. */
const GIVE_UP_AFTER_MS = 240_000;
const POLL_MS = 500;

interface Indexer {
  readonly name: string;
  readonly world: World;
  /** The proxy between `slabmend serve` and the indexer's database. */
  readonly proxy: DatabaseProxy;
  /** What the demo does to the indexer. */
  readonly played: "suspended and resumed" | "deleted" | "database stopped" | "not disturbed";
  readonly damagedSectors: number;
  /** Problems with this indexer that the demo noticed. */
  readonly failures: string[];
}

export interface IndexersResult {
  readonly summary: object;
  readonly failures: readonly string[];
  readonly verdict: { readonly kind: "passed" | "failed"; readonly sentence: string };
}

interface Run {
  readonly options: DemoOptions;
  readonly progress: Progress;
  readonly signal: AbortSignal;
  /** Of serve. */
  readonly origin: string;
  readonly variablesFile: string;
}

/** @throws the signal's reason if the signal aborts */
export async function runIndexersDemo(
  options: DemoOptions,
  { progress, signal }: { readonly progress: Progress; readonly signal: AbortSignal },
): Promise<IndexersResult> {
  const startedAtMs = Date.now();
  await assertDiskSpace(tmpdir(), storedBytes(options.indexers * options.slabs * options.totalShards * 2));
  await using stack = new AsyncDisposableStack();
  const indexers: Indexer[] = [];
  for (const [number, name] of NAMES.slice(0, options.indexers).entries()) {
    const seed = `${options.seed} ${name}`;
    const say = (status: string): void => progress.status(`${name}: ${status}`);
    const world = await startWorld(stack, { ...options, seed }, { signal, say });
    const played =
      (["suspended and resumed", "deleted", "database stopped"] as const)[number] ?? "not disturbed";
    const proxy = await startDatabaseProxy(await readDatabaseUrl(world));
    stack.defer(() => proxy.stop());
    indexers.push({ name, world, proxy, played, damagedSectors: await damage(world), failures: [] });
  }
  progress.clear();
  progress.line(
    `seed ${options.seed}; ${counted(indexers.length, "indexer")}, each with ${counted(options.hosts, "host")}`,
  );

  const { folder, guard } = indexers[0]!.world;
  const variablesFile = await writeConfiguration(folder, indexers);
  const fleet = startFleet({ variablesFile, folder, workers: options.workers, guard });
  stack.defer(() => fleet.stop());
  const failed = fleet.ended.then(async () => {
    throw new Error(`slabmend ended unexpectedly:\n${await readFile(fleet.logFile, "utf8")}`);
  });
  failed.catch(() => {});
  const { origin } = new URL(await Promise.race([fleet.consoleUrl, failed]));
  const run: Run = { options, progress, signal, origin, variablesFile };
  await Promise.race([Promise.all(indexers.map((indexer) => play(run, indexer))), failed]);
  progress.clear();
  const states = await readStates(origin);
  await fleet.stop();
  const results = [];
  for (const indexer of indexers) results.push(await check(run, indexer, states.get(indexer.name)));
  return summarize(options, results, (Date.now() - startedAtMs) / 1_000);
}

/**
 * Two hosts go offline, one contract is not renewed, and one host loses sectors. Returns the number of sectors to move.
 */
async function damage({ sql, hosts }: World): Promise<number> {
  const verbs = ["stop", "stop", "expire", "lose"] as const;
  for (const [number, verb] of verbs.entries()) await changeHost(sql, verb, hosts[number]!);
  const { withDestination, withoutDestination } = await readLeftovers(sql, MIN_HOST_DISTANCE_KM);
  return withDestination + withoutDestination;
}

async function readDatabaseUrl({ variablesFile }: World): Promise<string> {
  const variables = await readFile(variablesFile, "utf8");
  return /^SLABMEND_DATABASE_URL=(.*)$/m.exec(variables)![1]!;
}

async function writeConfiguration(folder: string, indexers: readonly Indexer[]): Promise<string> {
  const files = join(folder, "indexers");
  await mkdir(files, { mode: 0o700 });
  for (const { name, world, proxy } of indexers) {
    const variables = await readFile(world.variablesFile, "utf8");
    const proxied = variables.replace(await readDatabaseUrl(world), proxy.url);
    await writeFile(join(files, `${name}.env`), proxied, { mode: 0o600 });
  }
  const variablesFile = join(folder, "serve.env");
  await writeFile(variablesFile, `SLABMEND_INDEXERS=${files}\n`, { mode: 0o600 });
  return variablesFile;
}

/** Disturbs the indexer during its repairs, and waits until all its slabs are repaired. */
async function play(run: Run, indexer: Indexer): Promise<void> {
  const { name, played, world } = indexer;
  await until(run, indexer, "its first repair", async () => (await endedRepairs(world.sql)) > 0);
  if (played === "suspended and resumed") await suspendAndResume(run, indexer);
  if (played === "database stopped") await stopDatabase(run, indexer);
  await until(run, indexer, "all its sectors", () => isRepaired(world.sql));
  run.progress.line(`${name}: repaired`);
  if (played === "deleted") await deleteIt(run, indexer);
}

async function suspendAndResume(run: Run, indexer: Indexer): Promise<void> {
  const { name, world, failures } = indexer;
  await command(run, ["indexers", "suspend", name, "--reason", "the demo"]);
  await until(run, indexer, "to stop", async () => (await stateOf(world.sql)) === "stopped");
  const before = await endedRepairs(world.sql);
  run.progress.line(`${name}: suspended, with ${before} repairs done`);
  await sleep(SUSPENDED_MS, undefined, { signal: run.signal });
  const since = (await endedRepairs(world.sql)) - before;
  if (since > 0) failures.push(`${since} repairs ended while it was stopped`);
  await command(run, ["indexers", "resume", name]);
  await until(run, indexer, "to run again", async () => (await stateOf(world.sql)) === "running");
  run.progress.line(`${name}: resumed`);
}

/** Makes the database unreachable for slabmend only; the simulated indexd still reaches it. */
async function stopDatabase(run: Run, { name, proxy, failures }: Indexer): Promise<void> {
  proxy.refuse();
  run.progress.line(`${name}: its database refuses connections for ${AWAY_MS / 1_000} s`);
  await sleep(AWAY_MS, undefined, { signal: run.signal });
  const state = (await readStates(run.origin)).get(name);
  if (state !== "repairing")
    failures.push(`expected it repairing while its database was away, serve says ${state}`);
  proxy.recover();
  run.progress.line(`${name}: its database is back`);
}

async function deleteIt(run: Run, indexer: Indexer): Promise<void> {
  const { name, world, failures } = indexer;
  failures.push(...(await rulesBroken(world.sql)), ...(await unreadable(run, indexer)));
  const before = await digestOfIndexd(world.sql);
  const owner = world.serverUrl("indexd");
  await command(run, ["indexers", "delete", name, "--confirm", name, "--reason", "the demo"], owner);
  const [left] = await world.sql<{ tables: string[] }[]>`
    select array_agg(relname::text) as tables from pg_class
    where relnamespace = to_regnamespace('slabmend') and relkind = 'r'`;
  if (left!.tables.join() !== "tombstone")
    failures.push(`tables of slabmend were left: ${left!.tables.join(", ")}`);
  if ((await digestOfIndexd(world.sql)) !== before) failures.push("indexd's records of sectors were changed");
  run.progress.line(`${name}: deleted`);
}

/** A digest of indexd's data, which the deletion of the indexer from slabmend must not change. */
async function digestOfIndexd(sql: Sql): Promise<string> {
  const [row] = await sql<{ digest: string }[]>`
    select md5(string_agg(s.id || ':' || encode(s.sector_root, 'hex') || ':' || coalesce(s.host_id::text, ''), ',' order by s.id))
      || (select count(*) from slabs) || (select count(*) from objects) as digest
    from sectors s`;
  return row!.digest;
}

/** Runs a slabmend command as an operator does. @param databaseUrl the owner's URL */
async function command({ variablesFile }: Run, args: readonly string[], databaseUrl?: string): Promise<void> {
  const url = databaseUrl === undefined ? undefined : new URL(databaseUrl);
  const password = url?.password;
  if (url !== undefined) url.password = "";
  const options = url === undefined ? [] : ["--database-url", url.href];
  const child = startCommand(
    variablesFile,
    [...args, ...options],
    "pipe",
    password === undefined ? {} : { PGPASSWORD: decodeURIComponent(password) },
  );
  let err = "";
  child.stderr?.on("data", (chunk) => {
    err += String(chunk);
  });
  const [code] = (await once(child, "close")) as [number | null];
  if (code !== 0) throw new Error(`slabmend ${args.join(" ")} ended with ${code}: ${err}`);
}

/** Waits until `look` returns true. The time limit starts again with every repair that ends. */
async function until(
  run: Run,
  { name, world }: Indexer,
  what: string,
  look: () => Promise<boolean>,
): Promise<void> {
  let last = { ended: -1, atMs: Date.now() };
  for (;;) {
    run.signal.throwIfAborted();
    if (await look()) return;
    const ended = await endedRepairs(world.sql);
    if (ended !== last.ended) last = { ended, atMs: Date.now() };
    if (Date.now() - last.atMs > GIVE_UP_AFTER_MS) throw new Error(`${name}: gave up waiting for ${what}`);
    run.progress.status(`${name}: ${counted(Math.max(0, ended), "repair")} done`);
    await sleep(POLL_MS, undefined, { signal: run.signal });
  }
}

async function endedRepairs(sql: Sql): Promise<number> {
  const [row] = await sql<{ ended: number }[]>`select count(*)::integer as ended from slabmend.journal`;
  return row!.ended;
}

async function stateOf(sql: Sql): Promise<string> {
  const [row] = await sql<{ state: string }[]>`select state from slabmend.lifecycle`;
  return row!.state;
}

async function isRepaired(sql: Sql): Promise<boolean> {
  const { withDestination } = await readLeftovers(sql, MIN_HOST_DISTANCE_KM);
  if (withDestination > 0) return false;
  const [row] = await sql<{ open: number }[]>`
    select ((select count(*) from slabmend.leases) + (select count(*) from slabmend.moved))::integer as open`;
  return row!.open === 0;
}

async function readStates(origin: string): Promise<ReadonlyMap<string, IndexerReport["state"]>> {
  const answer = await fetch(`${origin}/api/v1/indexers`);
  const { indexers } = (await answer.json()) as { indexers: readonly IndexerReport[] };
  return new Map(indexers.map(({ name, state }) => [name, state]));
}

async function rulesBroken(sql: Sql): Promise<string[]> {
  const violations = await checkRules(sql, { settled: true });
  return violations.map(({ rule, what, subject }) => `rule ${rule} is violated: ${what}: ${subject}`);
}

async function unreadable({ signal, progress }: Run, { name, world }: Indexer): Promise<string[]> {
  const { sql, kernel, hosts, objects, seed } = world;
  const onRead = (sectors: number): void => progress.status(`${name}: read back ${sectors} sectors`);
  const wrong = await readBack({ sql, kernel, hosts, objects, seed, moved: new Set(), signal, onRead });
  return [...wrong].map(([number, why]) => `object ${number} was not read back as stored: ${why}`);
}

interface IndexerSummary {
  readonly name: string;
  readonly played: Indexer["played"];
  readonly state: string;
  readonly damagedSectors: number;
  readonly objects: number;
  readonly violations: readonly string[];
}

async function check(run: Run, indexer: Indexer, state: string | undefined): Promise<IndexerSummary> {
  const { name, played, world, damagedSectors, failures } = indexer;
  const isDeleted = played === "deleted";
  const wanted = isDeleted ? "deleted" : "running";
  const violations = [...failures];
  if (state !== wanted) violations.push(`expected it ${wanted} at the end, serve says ${state}`);
  if (!isDeleted) violations.push(...(await rulesBroken(world.sql)), ...(await unreadable(run, indexer)));
  return {
    name,
    played,
    state: state ?? "unknown",
    damagedSectors,
    objects: world.objects.length,
    violations,
  };
}

function summarize(
  { seed }: DemoOptions,
  indexers: readonly IndexerSummary[],
  seconds: number,
): IndexersResult {
  const failures = indexers.flatMap(({ name, violations }) => violations.map((one) => `${name}: ${one}`));
  const sectors = indexers.reduce((sum, { damagedSectors }) => sum + damagedSectors, 0);
  const objects = indexers.reduce((sum, one) => sum + one.objects, 0);
  const sentence =
    failures.length === 0
      ? `PASSED: ${counted(indexers.length, "indexer")}, all ${counted(sectors, "damaged sector")} repaired, ${counted(objects, "object")} read back as stored in ${formatSeconds(seconds)}.`
      : `FAILED: ${failures[0]}${failures.length === 1 ? "" : `, and ${counted(failures.length - 1, "more problem")}`}.`;
  return {
    summary: { seed, seconds, indexers, failures },
    failures,
    verdict: { kind: failures.length === 0 ? "passed" : "failed", sentence },
  };
}
