/**
 * Checks rule 6 of docs/architecture.md. Only the demo can check it, because it knows which sectors it took from which
 * hosts.
 */
import type { ISql } from "postgres";
import type { HostId, Root } from "../../lib/slab/ids.ts";
import { parseRoot } from "../../lib/slab/ids.ts";
import type { DamagePlan } from "./plan-damage.ts";
import type { DemoHost } from "./register-hosts.ts";
import type { StoredSlab } from "./store-objects.ts";

export interface PlantedLoss {
  readonly root: Root;
  readonly hostId: HostId;
  /** Whether indexd knew of the loss before the fleet started; otherwise only the host's answer shows the loss. */
  readonly noticed: boolean;
}

/** What the database says about losses and denials. */
export interface RecordedLosses {
  /** Losses that a repair recorded after an answer of this host. */
  readonly journalled: readonly { readonly root: Root; readonly hostId: HostId }[];
  /** Recorded denials, open or not. */
  readonly denied: readonly { readonly root: Root; readonly hostId: HostId }[];
  /** Sectors that had no host when a repair moved them. */
  readonly movedFromNowhere: readonly Root[];
  /** Sectors without a host now. */
  readonly now: readonly Root[];
  /** indexd's counter of losses, for each host that has a counter. */
  readonly counted: readonly { readonly hostId: HostId; readonly sectors: number }[];
}

export function plantedLosses(
  plan: Pick<DamagePlan, "placement" | "lost">,
  hosts: readonly DemoHost[],
  slabs: readonly StoredSlab[],
): PlantedLoss[] {
  return plan.lost.map(({ slab, index, noticed }) => ({
    root: slabs[slab]!.roots[index]!,
    hostId: hosts[plan.placement[slab]![index]!]!.row.id,
    noticed,
  }));
}

export async function readLosses(sql: ISql): Promise<RecordedLosses> {
  const journalled = await sql<{ root: string; host: HostId }[]>`
    select l->>'root' as root, h.id as host
    from slabmend.journal j cross join lateral jsonb_array_elements(j.lost) l
    join hosts h on h.public_key = decode(l->>'host', 'hex')`;
  const denied = await sql<{ root: string; host: HostId }[]>`
    select encode(root, 'hex') as root, host_id as host from slabmend.denials`;
  const moved = await sql<{ root: string }[]>`
    select m->>'root' as root
    from slabmend.journal j cross join lateral jsonb_array_elements(j.moves) m where m->>'from' is null`;
  const now = await sql<{ root: string }[]>`
    select encode(sector_root, 'hex') as root from sectors where host_id is null`;
  return {
    journalled: journalled.map(({ root, host }) => ({ root: parseRoot(root), hostId: host })),
    denied: denied.map(({ root, host }) => ({ root: parseRoot(root), hostId: host })),
    movedFromNowhere: moved.map(({ root }) => parseRoot(root)),
    now: now.map(({ root }) => parseRoot(root)),
    counted: await sql<{ hostId: HostId; sectors: number }[]>`
      select id as "hostId", lost_sectors as sectors from hosts where lost_sectors > 0`,
  };
}

/**
 * Finds recorded losses and denials that the demo did not cause. For a host that forgot for a while, denials may be
 * recorded, but no losses.
 */
export function unplantedLosses(
  planted: readonly PlantedLoss[],
  recorded: RecordedLosses,
  forgetful: ReadonlySet<HostId> = new Set(),
): string[] {
  const of = new Map(planted.map((loss) => [loss.root, loss]));
  return [
    ...recorded.denied
      .filter(({ root, hostId }) => !forgetful.has(hostId) && of.get(root)?.hostId !== hostId)
      .map(
        ({ root, hostId }) => `a denial of sector ${root} by host ${hostId} is recorded, but the host has it`,
      ),
    ...[...forgetful].flatMap((host) => {
      const count = recorded.journalled.filter(({ hostId }) => hostId === host).length;
      return count > 0
        ? [`sectors that host ${host} forgot for a while were recorded as lost: ${count}`]
        : [];
    }),
    ...recorded.counted.flatMap(({ hostId, sectors }) =>
      forgetful.has(hostId)
        ? [`sectors that host ${hostId} forgot for a while are counted as lost: ${sectors}`]
        : [],
    ),
    ...recorded.journalled.flatMap(({ root, hostId }) => {
      if (forgetful.has(hostId)) return [];
      const loss = of.get(root);
      if (loss === undefined) return [`sector ${root} was recorded as lost on host ${hostId}, which has it`];
      if (loss.hostId !== hostId) {
        return [`sector ${root} was recorded as lost on host ${hostId}, but host ${loss.hostId} lost it`];
      }
      return loss.noticed
        ? [`sector ${root} was recorded as lost on host ${hostId}, where indexd no longer located it`]
        : [];
    }),
    ...recorded.movedFromNowhere
      .filter((root) => !of.has(root))
      .map((root) => `sector ${root} was moved as lost, but no host lost it`),
    ...recorded.now
      .filter((root) => !of.has(root))
      .map((root) => `sector ${root} is lost, but no host lost it`),
  ];
}
