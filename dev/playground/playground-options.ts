import { randomBytes } from "node:crypto";
import { Command, CommanderError } from "commander";
import { DemoError } from "../demo/demo-error.ts";

export interface PlaygroundOptions {
  readonly slabs: number;
  readonly hosts: number;
  readonly minShards: number;
  readonly totalShards: number;
  readonly workers: number;
  readonly seed: string;
}

const COUNTS = {
  slabs: { flag: "--slabs", fallback: 12, least: 0, most: 1_000, says: "slabs to store" },
  hosts: { flag: "--hosts", fallback: 24, least: 1, most: 500, says: "hosts to start" },
  minShards: { flag: "--min-shards", fallback: 4, least: 1, most: 255, says: "data shards of a slab" },
  totalShards: { flag: "--total-shards", fallback: 12, least: 1, most: 256, says: "shards of a slab" },
  workers: { flag: "--workers", fallback: 2, least: 1, most: 32, says: "simultaneous repairs" },
} as const;

/**
 * Reads the command line. For `--help` it prints the help on standard output.
 * @returns undefined when help was asked for
 * @throws {DemoError} `usage`, with a message that lists all wrong values
 */
export function parsePlaygroundOptions(arguments_: readonly string[]): PlaygroundOptions | undefined {
  const program = new Command("npm run playground --")
    .description("Runs hosts, a database with indexd's tables, and slabmend, for experiments.")
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .allowExcessArguments(false);
  for (const { flag, fallback, says } of Object.values(COUNTS)) {
    program.option(`${flag} <n>`, says, String(fallback));
  }
  program.option("--seed <text>", "seed of data and placement (default: a random one)");
  try {
    program.parse(arguments_, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.code === "commander.helpDisplayed") return undefined;
    throw usage([error.message.replace(/^error: /, "")]);
  }
  const given = program.opts<Record<string, string | undefined>>();
  const problems: string[] = [];
  const counts = Object.fromEntries(
    Object.entries(COUNTS).map(([name, { flag, least, most }]) => {
      const text = String(given[name]);
      const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
      if (!(value >= least && value <= most)) {
        problems.push(
          `${flag}: expected a whole number from ${least} to ${most}, got ${JSON.stringify(text)}`,
        );
      }
      return [name, value];
    }),
  ) as Record<keyof typeof COUNTS, number>;
  const { minShards, totalShards, hosts } = counts;
  if (minShards > totalShards) {
    problems.push(`--min-shards ${minShards}: expected at most --total-shards ${totalShards}`);
  }
  if (totalShards > hosts) {
    problems.push(`--total-shards ${totalShards}: expected at most --hosts ${hosts}`);
  }
  if (problems.length > 0) throw usage(problems);
  return { ...counts, seed: given["seed"] ?? randomBytes(4).toString("hex") };
}

function usage(problems: readonly string[]): DemoError {
  return new DemoError({
    code: "usage",
    message: problems.join("\n"),
    remedy: "npm run playground -- --help lists the options.",
  });
}
