import { mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Root } from "../../lib/slab/ids.ts";
import type { SectorTree } from "./sector-tree.ts";

interface StoredSector {
  readonly tree: SectorTree;
  /** Height at which a temporary sector expires; null: it was appended to a contract and stays. */
  expirationHeight: bigint | null;
}

/** The sectors of one host: one file per root, and an index in memory. */
export class SectorStore {
  readonly #directory: string;
  readonly #sectors = new Map<Root, StoredSector>();
  /** Changes are serialised, so that a drop cannot remove the file of a simultaneous store. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(directory: string) {
    this.#directory = directory;
  }

  get count(): number {
    return this.#sectors.size;
  }

  has(root: Root): boolean {
    return this.#sectors.has(root);
  }

  roots(): Root[] {
    return [...this.#sectors.keys()];
  }

  treeOf(root: Root): SectorTree | undefined {
    return this.#sectors.get(root)?.tree;
  }

  async create(): Promise<void> {
    await mkdir(this.#directory, { recursive: true });
  }

  /**
   * Returns when the sector's file is complete. If the root is stored again, only its expiry is moved, to the later of
   * the two heights: the result is the same as on a host that keeps a row for each temporary copy.
   */
  store(root: Root, sector: Uint8Array, tree: SectorTree, expirationHeight: bigint | null): Promise<void> {
    return this.#inTurn(async () => {
      const known = this.#sectors.get(root);
      if (known !== undefined) {
        known.expirationHeight = laterExpiration(known.expirationHeight, expirationHeight);
        return;
      }
      await writeFile(this.#fileOf(root), sector);
      this.#sectors.set(root, { tree, expirationHeight });
    });
  }

  /** Makes a temporary sector permanent, as AppendSectors does. Returns false if the host does not have the sector. */
  pin(root: Root): boolean {
    const sector = this.#sectors.get(root);
    if (sector === undefined) return false;
    sector.expirationHeight = null;
    return true;
  }

  expirationHeight(root: Root): bigint | null | undefined {
    return this.#sectors.get(root)?.expirationHeight;
  }

  /** Removes a sector. Returns false if the host does not have the sector. */
  drop(root: Root): Promise<boolean> {
    return this.#inTurn(async () => {
      if (!this.#sectors.delete(root)) return false;
      await rm(this.#fileOf(root), { force: true });
      return true;
    });
  }

  /** Drops expired temporary sectors. */
  async expire(tipHeight: bigint): Promise<Root[]> {
    const expired = [...this.#sectors]
      .filter(([, { expirationHeight }]) => expirationHeight !== null && expirationHeight <= tipHeight)
      .map(([root]) => root);
    for (const root of expired) await this.drop(root);
    return expired;
  }

  /** Returns undefined if the host no longer has the sector. */
  async readRange(root: Root, start: number, end: number): Promise<Uint8Array | undefined> {
    const bytes = Buffer.allocUnsafe(end - start);
    try {
      await using file = await open(this.#fileOf(root), "r");
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      return bytesRead === bytes.length ? bytes : undefined;
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  async readFile(root: Root): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#fileOf(root));
    } catch (error) {
      if (isAbsence(error)) return undefined;
      throw error;
    }
  }

  /** Removes the sectors and their folder, after running writes have ended. */
  remove(): Promise<void> {
    return this.#inTurn(async () => {
      this.#sectors.clear();
      await rm(this.#directory, { recursive: true, force: true });
    });
  }

  #inTurn<Result>(change: () => Promise<Result>): Promise<Result> {
    const result = this.#lastChange.then(change);
    this.#lastChange = result.catch(() => undefined);
    return result;
  }

  #fileOf(root: Root): string {
    return join(this.#directory, root);
  }
}

function laterExpiration(one: bigint | null, other: bigint | null): bigint | null {
  if (one === null || other === null) return null;
  return laterHeight(one, other);
}

/** The larger of two heights of the chain. */
export function laterHeight(one: bigint, other: bigint): bigint {
  return [one, other].reduce((latest, height) => (height > latest ? height : latest));
}

function isAbsence(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
