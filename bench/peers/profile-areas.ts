/** Assigns the samples of a CPU profile to the parts of slabmend. */
import type { Profiler } from "node:inspector";

interface Node {
  readonly node: Profiler.ProfileNode;
  readonly parent: Node | undefined;
}

/**
 * A sample belongs to the area of its innermost frame that matches a pattern. So the time of native code counts for the
 * area of its caller.
 */
const AREAS: readonly (readonly [area: string, frame: RegExp])[] = [
  ["garbage collection", /^\(garbage collector\)/],
  ["event loop and native code", /^\((program|root)\)/],
  ["packets", /lib\/siamux\/packet-cipher|lib\/kernel\/packet-kernel/],
  ["keystream", /lib\/slab\/(shard-cipher|xchacha20)|repair\/decode-column/],
  ["coding", /combine(InBatches)? .*lib\/kernel\/kernel|lib\/erasure/],
  ["hashing", /lib\/kernel\/kernel|lib\/merkle/],
  ["siamux", /lib\/siamux/],
  ["rhp4 and hosts", /lib\/(rhp4|hosts)/],
  ["repair", /lib\/(jobs\/)?(repair|placement)/],
  ["database", /lib\/(database|store|indexd)|node_modules\/postgres/],
  ["sockets", /node:(net|internal\/stream_base_commons|internal\/streams)/],
];

const LONGEST_SAMPLE_MICROSECONDS = 1_000;

/** The percentage of the process's running time that each area took, largest first. */
export function sharesByArea(profile: Profiler.Profile): Record<string, number> {
  const nodes = new Map<number, Node>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const visit = (id: number, parent: Node | undefined): void => {
    const entry = { node: byId.get(id)!, parent };
    nodes.set(id, entry);
    for (const child of entry.node.children ?? []) visit(child, entry);
  };
  visit(profile.nodes[0]!.id, undefined);
  const microseconds = new Map<string, number>();
  let total = 0;
  for (const [at, id] of (profile.samples ?? []).entries()) {
    const node = nodes.get(id)!;
    if (node.node.callFrame.functionName === "(idle)") continue;
    // A sample counts at most LONGEST_SAMPLE_MICROSECONDS: if it seems to last longer, the process was stopped
    // meanwhile, or another process used its processor.
    const spent = Math.min(profile.timeDeltas?.[at] ?? 0, LONGEST_SAMPLE_MICROSECONDS);
    const area = areaOf(node);
    microseconds.set(area, (microseconds.get(area) ?? 0) + spent);
    total += spent;
  }
  const sorted = [...microseconds].sort(([, a], [, b]) => b - a);
  return Object.fromEntries(sorted.map(([area, spent]) => [area, Math.round((1_000 * spent) / total) / 10]));
}

function areaOf(node: Node): string {
  for (let at: Node | undefined = node; at !== undefined; at = at.parent) {
    const { functionName, url } = at.node.callFrame;
    const frame = `${functionName} ${url}`;
    const found = AREAS.find(([, pattern]) => pattern.test(frame));
    if (found !== undefined) return found[0];
  }
  return "other";
}
