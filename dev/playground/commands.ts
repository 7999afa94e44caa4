/** The commands of the playground's prompt. Pure. */

/** For each command that changes hosts: its effect on the host, and whether indexd notices the change at once. */
const HOST_VERBS = {
  stop: "go offline; indexd blocks them",
  block: "indexd blocks them, although they answer",
  expire: "their contracts go bad; the hosts stay good",
  corrupt: "answer reads with wrong bytes; indexd does not know",
  forget: "answer that they have no sector; indexd does not know",
  lose: "lose 3 sectors each for good; indexd knows",
  slow: "answer from 50 ms away, at 1 MB/s",
  fill: "have no space for sectors left; indexd does not know",
  heal: "end all of these; lost sectors stay lost",
} as const;

export type HostVerb = keyof typeof HOST_VERBS;

export type PlaygroundCommand =
  | { readonly kind: "hosts"; readonly verb: HostVerb; readonly hosts: readonly number[] }
  | { readonly kind: "list" }
  | { readonly kind: "check" }
  /** `away`: the database stops answering slabmend; `back`: it answers again. */
  | { readonly kind: "away" }
  | { readonly kind: "back" }
  /** A `slabmend` command with these arguments, on the playground's database. */
  | { readonly kind: "slabmend"; readonly args: readonly string[] }
  | { readonly kind: "help" }
  | { readonly kind: "quit" }
  | { readonly kind: "nothing" }
  | { readonly kind: "wrong"; readonly why: string };

/** @param hostCount number of hosts; their numbers start at 0 */
export function parseCommand(line: string, hostCount: number): PlaygroundCommand {
  const [word, ...rest] = line.trim().split(/\s+/);
  if (word === undefined || word === "") return { kind: "nothing" };
  if (word === "slabmend") return { kind: "slabmend", args: rest };
  if (isVerb(word)) {
    const hosts = parseHosts(rest, hostCount);
    return typeof hosts === "string"
      ? { kind: "wrong", why: `${word}: ${hosts}` }
      : { kind: "hosts", verb: word, hosts };
  }
  const kind = SINGLE_WORDS.get(word);
  if (kind === undefined)
    return { kind: "wrong", why: `expected a command, got ${JSON.stringify(word)}; type help` };
  return rest.length === 0 ? { kind } : { kind: "wrong", why: `${word}: expected nothing after it` };
}

const SINGLE_WORDS: ReadonlyMap<string, "list" | "check" | "away" | "back" | "help" | "quit"> = new Map([
  ["hosts", "list"],
  ["check", "check"],
  ["away", "away"],
  ["back", "back"],
  ["help", "help"],
  ["quit", "quit"],
  ["exit", "quit"],
]);

function isVerb(word: string): word is HostVerb {
  return Object.hasOwn(HOST_VERBS, word);
}

/** Parses `3`, `3 5` and `3-5`. @returns the host numbers, or a sentence that says what is wrong */
function parseHosts(words: readonly string[], hostCount: number): number[] | string {
  const expected = `expected host numbers from 0 to ${hostCount - 1}, such as 3 or 3-5`;
  if (words.length === 0) return `${expected}, got none`;
  const hosts: number[] = [];
  for (const word of words) {
    const [, first, last = first] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(word) ?? [];
    const from = Number(first ?? Number.NaN);
    const to = Number(last ?? Number.NaN);
    if (!(from <= to && to < hostCount)) return `${expected}, got ${JSON.stringify(word)}`;
    for (let host = from; host <= to; host++) hosts.push(host);
  }
  return [...new Set(hosts)];
}

export function helpLines(): string[] {
  const rows = [
    ...Object.entries(HOST_VERBS).map(([verb, says]) => [`${verb} HOST...`, says] as const),
    ["hosts", "list the hosts and their states"] as const,
    ["check", "read every object back from the hosts and compare it"] as const,
    ["away", "the database stops answering slabmend, as in a failover"] as const,
    ["back", "the database answers again"] as const,
    ["slabmend COMMAND", "the command line on this database, e.g. slabmend status"] as const,
    ["quit", "stop everything and remove all files (or Ctrl+C)"] as const,
  ];
  return rows.map(([command, says]) => `  ${command.padEnd(18)}${says}`);
}
