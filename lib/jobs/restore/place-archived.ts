/** The step `placements`: records sectors where the archive says, once their hosts have proved them. */
import type { NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import { type NamedSector, readNamedSectors } from "../../database/restore/restored-moves.ts";
import type { HostId } from "../../slab/ids.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { proveLeaf } from "../repair/prove-leaf.ts";
import { PROOF_MS } from "../verify/ask-hosts.ts";
import { decidePlacements, type Proof, proofFrom } from "./decide-placements.ts";
import { type Page, type RestoreDependencies, recordPlan } from "./restore-page.ts";
import { restoreCheckpointOf, restoreStatisticsOf, withProbes } from "./restore-run.ts";

/** Most slabs have one moved sector, so a page makes about this many parallel requests. */
const SLABS_A_PAGE = 64;

export async function placeSlabs(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
): Promise<Page> {
  const { ask, run } = context;
  const { after } = restoreCheckpointOf(run);
  let statistics = restoreStatisticsOf(run);
  const page = { after, slabs: SLABS_A_PAGE };
  const named = await ask((sql) => readNamedSectors(sql, page), { isIdempotent: true });
  if (named.length === 0) return { statistics };
  const { hosts: known } = await readNetwork(context);
  const asked = await askForProofs(deps, context, named, known);
  statistics = withProbes(statistics, asked);
  for (const [slabId, sectors] of Map.groupBy(named, (sector) => sector.slabId)) {
    const plan = decidePlacements(sectors, asked.proofOf);
    statistics = await recordPlan(deps, context, { slabId, plan }, statistics);
  }
  return { at: { after: String(named.at(-1)!.slabId) }, statistics };
}

/** Asks the archive's host for each sector and, if it does not prove the sector, the host recorded in the database. */
async function askForProofs(
  deps: RestoreDependencies,
  { signal }: RunContext,
  named: readonly NamedSector[],
  known: NetworkSnapshot["hosts"],
) {
  const proofs = new Map<string, Proof>();
  let probes = 0;
  let hastings = 0n;
  const terms = {
    signal,
    deadlineMs: PROOF_MS,
    onCharged: (cost: bigint): void => {
      hastings += cost;
    },
  };
  const prove = async (sector: NamedSector, hostId: HostId): Promise<Proof> => {
    const host = known.get(hostId);
    if (host === undefined) return { kind: "unanswered", code: "unknown-host" };
    probes += 1;
    return proofFrom(await proveLeaf(deps, { root: sector.root, host }, terms));
  };
  await Promise.all(
    named.map(async (sector) => {
      const { archivedAt, recordedAt, root } = sector;
      for (const hostId of archivedAt === recordedAt ? [] : [archivedAt, recordedAt]) {
        if (hostId === null) continue;
        const proof = await prove(sector, hostId);
        proofs.set(`${root} ${hostId}`, proof);
        if (proof.kind === "proved") return;
      }
    }),
  );
  signal.throwIfAborted();
  return {
    probes,
    hastings,
    proofOf: ({ root }: NamedSector, hostId: HostId): Proof => proofs.get(`${root} ${hostId}`)!,
  };
}
