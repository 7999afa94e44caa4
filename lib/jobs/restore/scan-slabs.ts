/**
 * The step `scan`: asks every sector's recorded host for a leaf. If that host does not prove the sector, other hosts
 * are asked until one proves it, the likeliest host first. A denial is free.
 */
import type { NetworkHost, NetworkSnapshot } from "../../database/indexd/network-snapshot.ts";
import { readScannedSectors, type ScannedSector } from "../../database/restore/scanned-sectors.ts";
import type { HostId } from "../../slab/ids.ts";
import type { RunContext } from "../maintenance/maintenance-job.ts";
import { askHosts } from "../verify/ask-hosts.ts";
import { type Proof, proofFrom } from "./decide-placements.ts";
import { decideScan, type Search } from "./decide-scan.ts";
import { type Page, type RestoreDependencies, recordPlan } from "./restore-page.ts";
import { restoreCheckpointOf, restoreScopeOf, restoreStatisticsOf, withProbes } from "./restore-run.ts";

/** With 30 sectors in a slab, a page makes about 120 requests in parallel, as a page of a verification does. */
const SLABS_A_PAGE = 4;
/** A search for a sector asks this many hosts in parallel, in one round trip. */
const HOSTS_AT_ONCE = 32;

export async function scanSlabs(
  deps: RestoreDependencies,
  context: RunContext,
  readNetwork: (context: RunContext) => Promise<NetworkSnapshot>,
  readRanking: (context: RunContext) => Promise<readonly NetworkHost[]>,
): Promise<Page> {
  const { ask, run } = context;
  const { scan } = restoreScopeOf(run);
  let statistics = restoreStatisticsOf(run);
  if (scan === null || scan.probes === 0) return { statistics };
  const { after } = restoreCheckpointOf(run);
  const page = { after, slabs: SLABS_A_PAGE };
  const sectors = await ask((sql) => readScannedSectors(sql, page), { isIdempotent: true });
  if (sectors.length === 0) return { statistics };
  const left = scan.probes - statistics.probes;
  if (left < sectors.length) return { statistics: { ...statistics, probesSpent: true } };
  const { hosts: known } = await readNetwork(context);
  const ranked = await readRanking(context);
  // One probe is reserved for each sector of later pages, to request it from its recorded host.
  const unseen = Math.max(0, scan.sectors - statistics.sectorsScanned - sectors.length);
  const asked = { known, ranked, left: left - unseen };
  const prober = new Prober({ ...deps, signal: context.signal }, asked);
  const found = await search(prober, sectors);
  context.signal.throwIfAborted();
  statistics = withProbes(statistics, prober);
  statistics = {
    ...statistics,
    sectorsScanned: statistics.sectorsScanned + sectors.length,
    probesSpent: statistics.probesSpent || prober.isSpent,
  };
  for (const [slabId, searches] of Map.groupBy(found, ({ sector }) => sector.slabId)) {
    const plan = decideScan(searches);
    statistics = { ...statistics, notFound: statistics.notFound + plan.notFound };
    statistics = await recordPlan(deps, context, { slabId, plan }, statistics);
  }
  return { at: { after: String(sectors.at(-1)!.slabId) }, statistics };
}

interface Asked {
  readonly known: ReadonlyMap<HostId, NetworkHost>;
  readonly ranked: readonly NetworkHost[];
  /** Probes that this page may make, searches included. */
  readonly left: number;
}

type Claim = Pick<ScannedSector, "root"> & { readonly hostId: HostId };

/** Makes the requests of a page and adds up their cost. */
class Prober {
  probes = 0;
  hastings = 0n;
  /** True: a host was not asked because no probes were left. */
  isSpent = false;
  /**
   * Hosts that left a request unanswered: not asked again by this page's searches, because each request would cost a
   * wait.
   */
  readonly #silent = new Set<HostId>();
  readonly #asking: Parameters<typeof askHosts>[0];
  readonly #asked: Asked;

  constructor(asking: Parameters<typeof askHosts>[0], asked: Asked) {
    this.#asking = asking;
    this.#asked = asked;
  }

  async prove(claims: readonly Claim[]): Promise<readonly Proof[]> {
    this.probes += claims.length;
    const { answers, hastings } = await askHosts(this.#asking, claims, ({ hostId }) =>
      this.#asked.known.get(hostId),
    );
    this.hastings += hastings;
    for (const { claim, answer } of answers) {
      if (answer.kind === "unanswered") this.#silent.add(claim.hostId);
    }
    return answers.map(({ answer }) => proofFrom(answer));
  }

  /** Finds the likeliest host that proves the sector and is not in `taken`, and adds this host to `taken`. */
  async find({ root, recordedAt }: ScannedSector, taken: Set<HostId>): Promise<HostId | null> {
    const { ranked, left } = this.#asked;
    for (let first = 0; first < ranked.length; first += HOSTS_AT_ONCE) {
      const next = ranked
        .slice(first, first + HOSTS_AT_ONCE)
        .filter(({ id }) => id !== recordedAt && !taken.has(id) && !this.#silent.has(id));
      const hosts = next.slice(0, Math.max(0, left - this.probes));
      const proofs = await this.prove(hosts.map(({ id }) => ({ root, hostId: id })));
      const hit = hosts.find(({ id }, n) => proofs[n]!.kind === "proved" && !taken.has(id));
      if (hit !== undefined) {
        taken.add(hit.id);
        return hit.id;
      }
      this.isSpent ||= hosts.length < next.length;
    }
    return null;
  }
}

async function search(prober: Prober, sectors: readonly ScannedSector[]): Promise<readonly Search[]> {
  const placed = sectors.filter(({ recordedAt }) => recordedAt !== null);
  const proofs = await prober.prove(placed.map(({ root, recordedAt }) => ({ root, hostId: recordedAt! })));
  const said = new Map(placed.map((sector, n) => [sector, proofs[n]!]));
  const slabs = Map.groupBy(sectors, ({ slabId }) => slabId).values();
  const searches = await Promise.all([...slabs].map((slab) => searchSlab(prober, slab, said)));
  return searches.flat();
}

function searchSlab(
  prober: Prober,
  slab: readonly ScannedSector[],
  said: ReadonlyMap<ScannedSector, Proof>,
): Promise<readonly Search[]> {
  // Hosts at which no other sector of the slab may be recorded. A host that denied its own sector is not among them: it
  // may have another sector of the slab.
  const taken = new Set(
    slab.flatMap((sector) => (said.get(sector)?.kind === "denied" ? [] : (sector.recordedAt ?? []))),
  );
  return Promise.all(
    slab.map(async (sector) => {
      const recorded = said.get(sector) ?? null;
      const foundAt = recorded?.kind === "proved" ? null : await prober.find(sector, taken);
      return { sector, recorded, foundAt };
    }),
  );
}
