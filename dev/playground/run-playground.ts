/**
 * The playground, from an empty folder until the user quits:
 *
 *   world (database, hosts, objects, indexd) -> slabmend at work -> prompt -> stop, in reverse order
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { assertDiskSpace, storedBytes } from "../demo/disk-space.ts";
import { createProgress } from "../demo/progress.ts";
import { readBack } from "../demo/read-back.ts";
import { helpLines, parseCommand } from "./commands.ts";
import { describeRepair, readEndedRepairs } from "./follow-journal.ts";
import { changeHost, readHostRows } from "./host-changes.ts";
import type { PlaygroundOptions } from "./playground-options.ts";
import { startCommand, startFleet } from "./start-fleet.ts";
import { startWorld, type World } from "./start-world.ts";

const FOLLOW_EVERY_MS = 500;

interface Streams {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
}

/** Runs until `quit`, Ctrl+C or the signal, and stops everything. @throws the signal's reason if the signal aborts */
export async function runPlayground(
  options: PlaygroundOptions,
  { stdin, stdout, signal }: Streams & { readonly signal: AbortSignal },
): Promise<void> {
  await assertDiskSpace(tmpdir(), storedBytes(options.slabs * options.totalShards * 2));
  const progress = createProgress(stdout);
  const stack = new AsyncDisposableStack();
  try {
    const world = await startWorld(stack, options, { signal, say: progress.status });
    progress.clear();
    const fleet = startFleet({ ...world, workers: options.workers });
    stack.defer(() => fleet.stop());
    const failed = fleet.ended.then(async () => {
      throw new Error(`slabmend ended unexpectedly:\n${await readFile(fleet.logFile, "utf8")}`);
    });
    // `failed` also rejects when slabmend ends because `fleet.stop()` ended it; that rejection must not count as
    // unhandled.
    failed.catch(() => {});
    progress.status("starting slabmend");
    const consoleUrl = await Promise.race([fleet.consoleUrl, failed]);
    progress.clear();
    for (const line of greeting(options, world, { ...fleet, consoleUrl })) progress.line(line);
    await Promise.race([play(world, options, { stdin, stdout, signal }), failed]);
  } finally {
    progress.status("stopping");
    await stack.disposeAsync();
    progress.clear();
  }
}

/** Runs the prompt: one command at a time. */
async function play(
  world: World,
  options: PlaygroundOptions,
  { stdin, stdout, signal }: Streams & { readonly signal: AbortSignal },
): Promise<void> {
  const quit = new AbortController();
  const either = AbortSignal.any([signal, quit.signal]);
  const lines = createInterface({ input: stdin, output: stdout, prompt: "playground> " });
  const foreground: Turn["foreground"] = { child: undefined };
  const say = (text: string): void => {
    if (stdin.isTTY) stdout.write("\r\u001b[2K");
    stdout.write(`${text}\n`);
    if (stdin.isTTY && foreground.child === undefined) lines.prompt(true);
  };
  // A terminal is in raw mode: Ctrl+C arrives as a key, and Ctrl+D quits. If the input is not a terminal, the end of
  // the input only means that no more commands follow; the playground goes on.
  lines.on("SIGINT", () => (foreground.child === undefined ? quit.abort() : foreground.child.kill("SIGINT")));
  lines.on("close", () => stdin.isTTY && quit.abort());
  const following = follow(world, say, either);
  let turn = Promise.resolve();
  lines.on("line", (line) => {
    turn = turn
      .then(() => run(line, { world, options, say, signal: either, foreground }))
      .then((end) => end === "quit" && quit.abort())
      .catch((error: unknown) => say(error instanceof Error ? error.message : String(error)))
      .then(() => void (stdin.isTTY && !either.aborted && lines.prompt()));
  });
  if (stdin.isTTY) lines.prompt();
  try {
    if (!either.aborted) await once(either, "abort");
    signal.throwIfAborted();
  } finally {
    lines.close();
    foreground.child?.kill("SIGTERM");
    await Promise.allSettled([turn, following]);
  }
}

interface Turn {
  readonly world: World;
  readonly options: PlaygroundOptions;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** The running command. */
  readonly foreground: { child: ChildProcess | undefined };
}

async function run(line: string, turn: Turn): Promise<"quit" | undefined> {
  const { world, say } = turn;
  const command = parseCommand(line, world.hosts.length);
  switch (command.kind) {
    case "nothing":
      return undefined;
    case "quit":
      return "quit";
    case "help":
      say(helpLines().join("\n"));
      return undefined;
    case "wrong":
      say(command.why);
      return undefined;
    case "list":
      say((await listHosts(world)).join("\n"));
      return undefined;
    case "check":
      say(await checkObjects(turn));
      return undefined;
    case "away":
      world.database.fallSilent();
      say("the database has stopped answering slabmend");
      return undefined;
    case "back":
      world.database.recover();
      say("the database answers again");
      return undefined;
    case "slabmend":
      return void (await runCommand(command.args, turn));
    case "hosts":
      for (const number of command.hosts) {
        say(await changeHost(world.sql, command.verb, world.hosts[number]!));
      }
      return undefined;
  }
}

/**
 * Runs a command in the foreground. The terminal stays in raw mode, so Ctrl+C arrives as a key, which ends the command
 * but not the playground.
 */
async function runCommand(args: readonly string[], { world, foreground }: Turn): Promise<void> {
  foreground.child = startCommand(world.variablesFile, args, "inherit");
  try {
    await once(foreground.child, "close");
  } finally {
    foreground.child = undefined;
  }
}

async function listHosts({ sql, hosts }: World): Promise<string[]> {
  const rows = new Map((await readHostRows(sql)).map((row) => [row.host_id, row]));
  const listed = await Promise.all(
    hosts.map(async ({ number, swarm, row }) => {
      const { availability, corruptsData, losesSectors, full, bytesPerSecond } = await swarm.setSwitches({});
      const seen = rows.get(row.id)!;
      const does = [
        ...(availability === "online" ? [] : [availability]),
        ...(corruptsData ? ["corrupts"] : []),
        ...(losesSectors === "all" ? ["forgets"] : []),
        ...(full ? ["full"] : []),
        ...(bytesPerSecond === null ? [] : ["slow"]),
      ];
      const knows = [...(seen.blocked ? ["blocked"] : []), ...(seen.contract ? [] : ["no good contract"])];
      return [
        `host ${String(number).padStart(2)}`,
        `${String(seen.sectors).padStart(3)} sectors`,
        `${does.join(", ") || "well"}`.padEnd(18),
        `indexd: ${knows.join(", ") || "good"}`,
      ].join("  ");
    }),
  );
  return listed;
}

async function checkObjects({ world, options, signal }: Turn): Promise<string> {
  const { sql, hosts, objects, kernel } = world;
  const unreadable = await readBack({
    sql,
    kernel,
    hosts,
    objects,
    seed: options.seed,
    moved: new Set(),
    onRead: () => {},
    signal,
  });
  if (unreadable.size === 0) return `all ${objects.length} objects were read back as stored`;
  return [...unreadable].map(([number, why]) => `object ${number} was not read back: ${why}`).join("\n");
}

/** Prints a line for each finished repair. */
async function follow({ sql }: World, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  let last = "0";
  while (!signal.aborted) {
    for (const repair of await readEndedRepairs(sql, last).catch(() => [])) {
      last = repair.id;
      say(describeRepair(repair));
    }
    await sleep(FOLLOW_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

function greeting(
  options: PlaygroundOptions,
  world: World,
  { consoleUrl, logFile }: { readonly consoleUrl: string; readonly logFile: string },
): string[] {
  const { slabs, hosts, minShards, totalShards, workers } = options;
  return [
    `${world.objects.length} objects in ${slabs} slabs of ${minShards}-of-${totalShards} are stored on ${hosts} hosts. Everything is healthy.`,
    `slabmend runs up to ${workers} simultaneous ${workers === 1 ? "repair" : "repairs"}. It claims every 15 s, and walks all bad sectors once a minute.`,
    "",
    `Its console: ${consoleUrl}`,
    "",
    "Its log, and the variables for the command line in another terminal:",
    `  tail -f ${logFile}`,
    `  npx slabmend status --watch --variables-file ${world.variablesFile}`,
    "",
    "Now try, for example, `stop 0-2` here, and watch the slabs being repaired; then `check`:",
    ...helpLines(),
    "",
  ];
}
