/**
 * The follower that archives the journal. Each segment takes three steps; after a crash the next run continues from any
 * of them:
 *
 *   segment created (never replaced) -> manifest replaced (compare and set) -> checkpoint moved in the database
 *
 * What always holds: a segment's name is determined by its first position, so two processes cannot both create that
 * segment; the manifest is at most one segment ahead of the checkpoint. If the manifest is further ahead, or if the
 * rows of its last segment differ from the database's rows, the database was rewound or copied: then archiving stops.
 */
import { setTimeout as wait } from "node:timers/promises";
import { ArchiveError } from "../../archive/archive-error.ts";
import type { ArchiveStorage } from "../../archive/archive-storage.ts";
import { judgeHead, rewound } from "../../archive/judge-head.ts";
import { decodeManifest, encodeManifest, type Manifest, manifestOf } from "../../archive/manifest.ts";
import { readSegment } from "../../archive/read-archive.ts";
import { decodeSegment, encodeSegment, type Segment } from "../../archive/segment.ts";
import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import {
  type ArchivedEnd,
  type Checkpoint,
  joinJournal,
  moveFollower,
  noteFollowerStopped,
} from "../../database/journal/followers.ts";
import {
  type JournalIdentity,
  readJournalIdentity,
  renewIncarnation,
} from "../../database/journal/incarnation.ts";
import { readJournalRows } from "../../database/journal/read-journal-rows.ts";
import { SEQUENCE_ROWS, sequenceJournal } from "../../database/journal/sequence-journal.ts";
import { SlabmendError } from "../../errors/slabmend-error.ts";
import { countSame, findArchivedRows } from "./find-archived-rows.ts";

/** Points at which kill tests end the process. */
export type ArchiveStep = "segment-created" | "manifest-replaced" | "checkpoint-moved";

export interface ArchiveDependencies {
  readonly ask: Ask;
  readonly storage: ArchiveStorage;
  readonly clock: Clock;
  readonly step?: (name: ArchiveStep) => void | Promise<void>;
}

export interface ArchiveReport {
  readonly segments: number;
  readonly rows: number;
  /** Why archiving stopped; also stored in the database, for status and alarms. */
  readonly stopped: SlabmendError | undefined;
  /**
   * Present if a read or write of the archive goes on although the time is up; settles when that read or write has
   * ended.
   */
  readonly hanging?: Promise<unknown>;
}

/** About 10 MB as text. */
const SEGMENT_LIMITS = { mostRows: 2_000, mostBytes: 8 * 2 ** 20 } as const;
/** After losing this many races, leave the work to the other process that is archiving. */
const MOST_LOST_RACES = 3;

/** The archive's name as a follower of the journal. */
export const archiveFollower = (storage: ArchiveStorage): string => `archive ${storage.place}`;

/**
 * Archives the rows after the archive's end, until none is left or the time is up. It never throws: an archive that
 * cannot be written must not stop other work, and the next run tries again.
 */
export async function followArchive(deps: ArchiveDependencies, limitMs: number): Promise<ArchiveReport> {
  const ending = new AbortController();
  const cancel = deps.clock.after(limitMs, () => ending.abort());
  const progress = { segments: 0, rows: 0 };
  let stopped: SlabmendError | undefined;
  let isWorking = true;
  const working = archiveAll(deps, progress, ending.signal).finally(() => {
    isWorking = false;
  });
  try {
    // A write that hangs on a disk ignores the signal; the next run finds what the write has completed.
    await Promise.race([working, rejectionOf(ending.signal)]);
  } catch (error) {
    if (!ending.signal.aborted) stopped = asTyped(error);
  } finally {
    cancel();
  }
  if (!ending.signal.aborted) {
    const code = stopped?.code;
    // If this write fails, status and alarms learn from the next run whether archiving has stopped.
    await deps.ask((sql) => noteFollowerStopped(sql, archiveFollower(deps.storage), code)).catch(() => {});
  }
  return { ...progress, stopped, ...(isWorking ? { hanging: working } : {}) };
}

async function archiveAll(
  deps: ArchiveDependencies,
  progress: { segments: number; rows: number },
  signal: AbortSignal,
): Promise<void> {
  const { ask } = deps;
  while ((await ask(sequenceJournal)) === SEQUENCE_ROWS && !signal.aborted);
  for (let lostRaces = 0; lostRaces < MOST_LOST_RACES && !signal.aborted; ) {
    const result = await archiveNext(deps, signal);
    if (result.kind === "nothing-left") return;
    if (result.kind === "lost-race") {
      lostRaces += 1;
      await wait(20 * lostRaces);
      continue;
    }
    lostRaces = 0;
    progress.segments += 1;
    progress.rows += result.rows;
  }
}

type Step =
  | { readonly kind: "archived"; readonly rows: number }
  | { readonly kind: "nothing-left" }
  | { readonly kind: "lost-race" };

/**
 * Reads the checkpoint and the manifest again for each segment, because another process may have archived meanwhile.
 */
async function archiveNext(deps: ArchiveDependencies, signal: AbortSignal): Promise<Step> {
  const { ask, storage } = deps;
  // The archive first joins the journal's followers: if archiving stops, the reason is stored with the follower, where
  // status and alarms find it.
  const checkpoint = await ask((sql) => joinJournal(sql, archiveFollower(storage)));
  const identity = await ask(readJournalIdentity);
  const walletHash = known(identity);
  const head = await storage.readHead(signal);
  const manifest = head && decodeManifest(head.bytes, walletHash);
  const verdict = judgeHead(checkpoint, manifest, {
    incarnation: identity.incarnation,
    place: storage.place,
  });
  switch (verdict.kind) {
    case "refused":
      throw verdict.error;
    case "later-incarnation": {
      await skipArchived(deps, checkpoint, manifest!, identity.incarnation, signal);
      return { kind: "archived", rows: 0 };
    }
    case "one-ahead": {
      const segment = await readSegment(storage, manifest!.segment, signal);
      if (!(await hasSameRows(deps, segment, checkpoint))) throw rewound(manifestOf(segment), checkpoint);
      return await move(deps, checkpoint, endOf(segment));
    }
    case "in-step":
      return await append(
        deps,
        { ...identity, checkpoint, walletHash, manifest, version: head?.version },
        signal,
      );
  }
}

/** Moves the checkpoint past rows that the archive already has. */
async function skipArchived(
  deps: ArchiveDependencies,
  checkpoint: Checkpoint,
  manifest: Manifest,
  present: number,
  signal: AbortSignal,
): Promise<void> {
  const found = await findArchivedRows(deps, checkpoint, manifest, signal);
  if (found.kind === "segment") {
    await move(deps, checkpoint, endOf(found.segment));
    return;
  }
  const { position } = found;
  if (found.kind === "part") {
    // Not the manifest's segment: as long as the two differ, the next step looks for more rows in later segments.
    await move(deps, checkpoint, { ...endOf(found.segment), position });
    return;
  }
  const { incarnation, segment } = manifest;
  if (found.kind === "diverged") {
    const range = { after: position, incarnations: [incarnation, present] } as const;
    await deps.ask((sql) => renewIncarnation(sql, archiveFollower(deps.storage), checkpoint, range));
  }
  await move(deps, checkpoint, { position, segment: segment.sha256, incarnation });
}

async function append(
  deps: ArchiveDependencies,
  at: {
    readonly incarnation: number;
    readonly checkpoint: Checkpoint;
    readonly walletHash: string;
    readonly manifest: Manifest | undefined;
    readonly version: string | undefined;
  },
  signal: AbortSignal,
): Promise<Step> {
  const { ask, storage } = deps;
  const { checkpoint, walletHash, manifest } = at;
  const rows = await ask((sql) => readJournalRows(sql, checkpoint.position, SEGMENT_LIMITS));
  if (rows.length === 0) return { kind: "nothing-left" };
  const encoded = encodeSegment(rows, { walletHash, previous: manifest?.segment ?? null });
  let segment: Segment = encoded;
  let isSame = true;
  if (await storage.create(encoded.ref.key, encoded.file, signal)) await deps.step?.("segment-created");
  else {
    // The segment exists already. Either a process created it and then crashed before the next step: then the segment
    // may have fewer rows than ours. Or a process on a copy of this database created it: then the segment has other
    // rows.
    const existing = await storage.read(encoded.ref.key, signal);
    // While another process is writing the file, a bucket refuses to create it, but may not return it to readers yet.
    if (existing === undefined) return { kind: "lost-race" };
    segment = decodeSegment(encoded.ref.key, existing);
    if (segment.header.previous?.sha256 !== manifest?.segment.sha256) {
      throw rewound(manifestOf(segment), checkpoint);
    }
    isSame = await hasSameRows(deps, segment, checkpoint);
    // If the segment's incarnation is lower than the database's, the segment was created before the incarnation was
    // raised: it becomes the archive's last segment of its incarnation.
    if (!isSame && segment.header.incarnation >= at.incarnation) {
      throw rewound(manifestOf(segment), checkpoint);
    }
  }
  const replaced = await storage.replaceHead(encodeManifest(manifestOf(segment)), at.version, signal);
  if (!replaced) return { kind: "lost-race" };
  await deps.step?.("manifest-replaced");
  if (!isSame) return { kind: "archived", rows: 0 };
  return await move(deps, checkpoint, endOf(segment));
}

async function move(deps: ArchiveDependencies, from: Checkpoint, to: ArchivedEnd): Promise<Step> {
  const moved = await deps.ask((sql) => moveFollower(sql, archiveFollower(deps.storage), from, to));
  if (!moved) return { kind: "lost-race" };
  await deps.step?.("checkpoint-moved");
  return { kind: "archived", rows: to.position - from.position };
}

const endOf = ({ header, ref }: Segment): ArchivedEnd => ({
  position: header.to,
  segment: ref.sha256,
  incarnation: header.incarnation,
});

/** Whether the rows of this segment are the database's next rows after the checkpoint. */
async function hasSameRows(
  { ask }: ArchiveDependencies,
  segment: Segment,
  checkpoint: Checkpoint,
): Promise<boolean> {
  const limits = { mostRows: segment.rows.length, mostBytes: Number.MAX_SAFE_INTEGER };
  const rows = await ask((sql) => readJournalRows(sql, checkpoint.position, limits));
  return countSame(segment, rows) === segment.rows.length;
}

function rejectionOf(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

function known({ walletHash }: JournalIdentity): string {
  if (walletHash !== undefined) return walletHash;
  throw new ArchiveError({
    code: "wallet-unknown",
    message: "slabmend.indexd.wallet_hash: expected the identity of this database's indexer, got none",
    remedy: "Start indexd once, then run slabmend init again.",
  });
}

function asTyped(error: unknown): SlabmendError {
  if (error instanceof SlabmendError) return error;
  return new SlabmendError({
    code: "archive-failed",
    message: "the archive: expected to archive the journal, got an unexpected error",
    remedy: "See the cause; the next run tries again.",
    cause: error,
  });
}
