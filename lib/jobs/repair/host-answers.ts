/**
 * The answers of hosts during one repair: which hosts may still serve, which sectors were denied, and whose fault it is
 * if too few hosts served. No effects beyond its own state; the reader and the store record answers here.
 */
import type { NetworkHost } from "../../database/indexd/network-snapshot.ts";
import type { DenialReport, ServedReport } from "../../database/leases/commit-repair.ts";
import type { HostError, HostErrorCode } from "../../hosts/host-error.ts";
import type { Source } from "../../placement/plan-repair.ts";
import type { HostId, SectorId } from "../../slab/ids.ts";
import type { SlabSector } from "../../slab/slab.ts";

/**
 * A host's standing in this repair. `fresh`: it has not failed. `broken-off`: its connection, or the host, failed once
 * in a way that may be temporary, so it is asked again before the slab is given up. `expensive`: its price is above
 * indexd's limit; such a price is paid only if the slab would otherwise be given up. `underfunded` (our account on the
 * host lacks funds) and `useless`: it is not asked again.
 */
export type Standing = "fresh" | "broken-off" | "expensive" | "underfunded" | "useless";

/** Fewer hosts than this may disappear at once, or fail at once in the same way, by coincidence. */
const LEAST_SILENT_HOSTS = 5;
const LEAST_SAME_REFUSALS = 3;
/** Fewer hosts than this may really have lost their sectors of one slab at once. */
const LEAST_DENYING_HOSTS = 3;
/** The denying hosts count as many only if they are also at least this share of the hosts asked. */
const MANY = 0.5;
/** A worker that reaches no more than this share of hosts has a network problem of its own. */
const FEW = 0.25;

/** Failures without any response from the host. */
const SILENCE: ReadonlySet<HostErrorCode> = new Set([
  "unreachable",
  "network-unreachable",
  "address-refused",
  "timed-out",
  "aborted",
] satisfies HostErrorCode[]);

/**
 * After these failures the host is asked once more: it has responded, now or before, and may serve next time. A host
 * that used up its whole time is not asked again.
 */
const MAY_BE_OVER: ReadonlySet<HostErrorCode> = new Set([
  "connection-lost",
  "host-internal",
] satisfies HostErrorCode[]);

/** All hosts may return these codes at the same time without any fault of ours. */
const HOSTS_OWN_REASONS: ReadonlySet<HostErrorCode> = new Set([
  "sector-not-found",
  "sector-corrupt",
  "not-enough-funds",
  "not-enough-storage",
  "too-expensive",
  "cost-limit",
] satisfies HostErrorCode[]);

export class HostAnswers {
  readonly #standings = new Map<HostId, Exclude<Standing, "fresh">>();
  /** By sector and host. */
  readonly #denials = new Map<string, Denial>();
  /** Sectors that their host had denied before and has now served as a whole. */
  readonly #servedWhole = new Map<SectorId, ServedReport>();
  readonly #believesMany: boolean;
  readonly #served = new Set<HostId>();
  /** The latest failure of each host. */
  readonly #failures = new Map<HostId, HostErrorCode | "wrong-data">();
  readonly #blamingUs = new Set<HostId>();
  readonly #probes = { answered: 0, silent: 0 };

  /**
   * @param options.believesMany true: many hosts have denied their sectors of this slab for hours, so the sectors are
   * gone, and the denials do not point to a fault of ours
   */
  constructor(options: { readonly believesMany?: boolean } = {}) {
    this.#believesMany = options.believesMany ?? false;
  }

  /** Denials by hosts on which the database records the denied sector. */
  get denied(): readonly DenialReport[] {
    return [...this.#denials.values()].flatMap(({ report, isCurrent }) => (isCurrent ? [report] : []));
  }

  /** Sectors with an open denial that their hosts have now served as a whole. */
  get servedWhole(): readonly ServedReport[] {
    return [...this.#servedWhole.values()];
  }

  /** Whether so many hosts deny a sector for the first time, and serve nothing, that the cause must be on our side. */
  get manyDeny(): boolean {
    if (this.#believesMany) return false;
    const hosts = [...this.#denials.values()].flatMap(({ report, isCurrent, isFirst }) =>
      isCurrent && isFirst && !this.#served.has(report.hostId) ? [report.hostId] : [],
    );
    const denying = new Set(hosts).size;
    const asked = new Set([...this.#served, ...this.#failures.keys()]).size;
    return denying >= LEAST_DENYING_HOSTS && denying >= asked * MANY;
  }

  served(host: NetworkHost): void {
    this.#served.add(host.id);
  }

  /** A whole sector was read, and it has the pinned root. */
  servedAll(sector: SlabSector, host: NetworkHost): void {
    this.#denials.delete(keyOf(sector, host));
    if (sector.denials === 0 || sector.hostId !== host.id) return;
    this.#servedWhole.set(sector.sectorId, { sectorId: sector.sectorId, hostId: host.id });
  }

  /** A candidate did not accept a shard. */
  refused(host: NetworkHost, failure: HostError): void {
    // Cancelled because others were faster or the repair is ending: this says nothing about the host.
    if (failure.code === "aborted") return;
    this.#failures.set(host.id, failure.code);
    if (failure.blamesUs) this.#blamingUs.add(host.id);
  }

  /**
   * A sector could not be read from its host.
   * @param whole true: the whole sector was requested; false: a range of it
   */
  failed(sector: SlabSector, host: NetworkHost, failure: HostError, whole: boolean): void {
    if (failure.code === "aborted") return;
    this.refused(host, failure);
    if (failure.meansLost) {
      // The denial counts for this sector only: the host may have another sector of the same slab.
      this.#servedWhole.delete(sector.sectorId);
      const before = this.#denials.get(keyOf(sector, host));
      this.#denials.set(keyOf(sector, host), {
        report: {
          sectorId: sector.sectorId,
          root: sector.root,
          hostId: host.id,
          plannedMapId: sector.contractMapId,
          code: failure.code === "sector-corrupt" ? "corrupt" : "not-found",
          whole: whole || before?.report.whole === true,
          othersServed: false,
        },
        isCurrent: sector.hostId === host.id,
        isFirst: sector.denials === 0,
      });
      return;
    }
    const before = this.#standings.get(host.id);
    if (before === "useless" || failure.code === "cost-limit") return;
    if (failure.code === "not-enough-funds") this.#standings.set(host.id, "underfunded");
    else if (failure.code === "too-expensive") this.#standings.set(host.id, "expensive");
    else if (before === undefined && MAY_BE_OVER.has(failure.code))
      this.#standings.set(host.id, "broken-off");
    else this.#standings.set(host.id, "useless");
  }

  /**
   * The host of a denied sector served other sectors that it should have, and denied this sector again:
   * confirm-denials.ts.
   */
  servesOthers(report: DenialReport): void {
    for (const [key, denial] of this.#denials) {
      if (denial.report !== report) continue;
      this.#denials.set(key, { ...denial, report: { ...report, othersServed: true } });
    }
  }

  /** A host sent data that its own proof or the sector's root contradicts. */
  sentWrongData(host: NetworkHost): void {
    this.#standings.set(host.id, "useless");
    this.#failures.set(host.id, "wrong-data");
  }

  /** A candidate, or a source that has not failed, was asked for its prices, which is free. */
  probed(isHeard: boolean): void {
    this.#probes[isHeard ? "answered" : "silent"] += 1;
  }

  /**
   * The host's standing for this sector, which decides whether the host is asked. A host that denied the sector is
   * useless.
   */
  standing(sector: SlabSector, host: NetworkHost): Standing {
    if (this.#denials.has(keyOf(sector, host))) return "useless";
    return this.#standings.get(host.id) ?? "fresh";
  }

  /** Number of hosts by the code of their latest failure. */
  counts(): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (const code of this.#failures.values()) counts[code] = (counts[code] ?? 0) + 1;
    return counts;
  }

  /** Whether there would be enough sources if all our accounts had funds. */
  fundsWouldSuffice(sources: readonly Source[], minShards: number): boolean {
    return this.#wouldSuffice(sources, minShards, (host) => this.#standings.get(host) === "underfunded");
  }

  /** Whether so few of the hosts asked have responded that further hosts should be probed. */
  get fewWereHeard(): boolean {
    const { heard, silent } = this.#reach();
    return silent > 0 && heard <= (heard + silent) * FEW;
  }

  /**
   * Returns a code for the journal if it is our fault that too few sources answered or that no candidate accepted a
   * shard. The fault is ours if hosts reject our requests as wrong and there would be enough sources without these
   * rejections, if many hosts deny what they have, if all hosts refuse for the same reason, or if hardly any host
   * responds.
   */
  ourFault(
    missing: "candidates" | { readonly sources: readonly Source[]; readonly minShards: number },
  ): string | undefined {
    if (this.manyDeny) return "denied-by-many-hosts";
    const blaming = [...this.#blamingUs].filter((host) => !this.#served.has(host));
    const explains =
      missing === "candidates" ||
      this.#wouldSuffice(missing.sources, missing.minShards, (host) => this.#blamingUs.has(host));
    if (blaming.length > 1 && blaming.length > this.#served.size && explains) {
      return [...new Set(blaming.map((host) => this.#failures.get(host)))].join("+");
    }
    return this.#sameRefusalOfAll() ?? this.#hardlyAnyHeard();
  }

  /**
   * The code with which all hosts refused; undefined if there are few hosts, if codes differ, or if hosts may have a
   * reason of their own.
   */
  #sameRefusalOfAll(): string | undefined {
    const codes = new Set(this.#failures.values());
    const [code] = codes;
    const isShared =
      this.#served.size === 0 &&
      codes.size === 1 &&
      this.#failures.size >= LEAST_SAME_REFUSALS &&
      code !== "wrong-data" &&
      code !== undefined &&
      !SILENCE.has(code) &&
      !HOSTS_OWN_REASONS.has(code);
    return isShared ? code : undefined;
  }

  #hardlyAnyHeard(): string | undefined {
    const { answered, silent } = this.#probes;
    const reach = this.#reach();
    const isOurNetwork =
      this.fewWereHeard &&
      reach.silent + silent >= LEAST_SILENT_HOSTS &&
      answered <= (answered + silent) * FEW;
    if (!isOurNetwork) return undefined;
    return reach.heard + answered === 0 ? "no-host-answered" : "few-hosts-answered";
  }

  #reach(): { readonly heard: number; readonly silent: number } {
    const failed = [...this.#failures].filter(([host]) => !this.#served.has(host));
    const silent = failed.filter(([, code]) => (SILENCE as ReadonlySet<string>).has(code)).length;
    return { heard: this.#served.size + failed.length - silent, silent };
  }

  #wouldSuffice(sources: readonly Source[], minShards: number, also: (host: HostId) => boolean): boolean {
    const extra = sources.filter(({ host }) => also(host.id));
    const usable = sources.filter(({ sector, host }) => {
      const standing = this.standing(sector, host);
      return !also(host.id) && standing !== "useless" && standing !== "underfunded";
    });
    // Count shards, not sources: a sector may have several sources.
    const shards = new Set([...extra, ...usable].map(({ sector }) => sector.index));
    return extra.length > 0 && shards.size >= minShards;
  }
}

interface Denial {
  readonly report: DenialReport;
  /** True: the database records the sector on this host now. False: the host is an earlier location. */
  readonly isCurrent: boolean;
  /** True: the sector had no open denial before this denial. */
  readonly isFirst: boolean;
}

const keyOf = ({ sectorId }: SlabSector, { id }: NetworkHost): string => `${sectorId}/${id}`;

/** Readable text, for example "3 token-expired, 1 timed-out". */
export function describeAnswers(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .map(([code, count]) => `${count} ${code}`)
    .join(", ");
}
