import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Sql } from "postgres";
import { afterEach, beforeEach } from "vitest";
import type { ArchiveStorage } from "../../../lib/archive/archive-storage.ts";
import { createDirectoryStorage } from "../../../lib/archive/directory-storage.ts";
import { verifyArchive } from "../../../lib/archive/read-archive.ts";
import { systemClock } from "../../../lib/clock/clock.ts";
import { type ArchiveStep, followArchive } from "../../../lib/jobs/journal/follow-archive.ts";
import { askOf } from "../../support/ask.ts";

export const WALLET = "ab".repeat(32);
export const never = new AbortController().signal;

/** A folder for each test. */
export function useFolder(): { path: string } {
  const folder = { path: "" };
  beforeEach(async () => {
    folder.path = await mkdtemp(join(tmpdir(), "slabmend-archive-"));
  });
  afterEach(() => rm(folder.path, { recursive: true, force: true }));
  return folder;
}

export const storageIn = ({ path }: { readonly path: string }): ArchiveStorage =>
  createDirectoryStorage(path);

export const setWallet = async (sql: Sql, wallet = WALLET): Promise<void> => {
  await sql`update slabmend.indexd set wallet_hash = ${Buffer.from(wallet, "hex")}`;
};

export const archive = (sql: Sql, storage: ArchiveStorage, step?: (name: ArchiveStep) => void) =>
  followArchive({ ask: askOf(sql), storage, clock: systemClock, ...(step && { step }) }, 60_000);

/** Tokens of all rows in an archive, in order. */
export async function archivedTokens(
  storage: ArchiveStorage,
  after?: { readonly incarnation: number; readonly position: number },
): Promise<string[]> {
  const verified = await verifyArchive(storage, { walletHash: WALLET, ...(after && { after }) }, never);
  const tokens: string[] = [];
  for await (const row of verified.rows()) tokens.push(row.token);
  return tokens;
}
