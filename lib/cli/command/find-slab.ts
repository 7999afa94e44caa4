import type { ISql } from "postgres";
import { readSlab, readSlabByDigest } from "../../database/indexd/read-slab.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { Slab } from "../../slab/slab.ts";

/** What SLAB means in every command, for their help. */
export const SLAB_ARGUMENT =
  "slabs.id in decimal, or the slab's digest of 64 hex digits (indexd's API calls it slab id)";

const DIGEST = /^(0x)?([0-9a-fA-F]{64})$/;

/** @throws {OperatorError} `no-such-slab`; MalformedIdError when it is neither an id nor a digest */
export async function findSlab(sql: ISql, text: string): Promise<Slab> {
  const digest = DIGEST.exec(text)?.[2]?.toLowerCase();
  const slab =
    digest === undefined
      ? await readSlab(sql, parseSlabId(text))
      : await readSlabByDigest(sql, parseSlabDigest(digest));
  if (slab !== undefined) return slab;
  throw new OperatorError({
    code: "no-such-slab",
    message: `slab ${text}: expected it in indexd's table slabs, got none`,
    remedy: "Check the id, and that the database URL is this indexd's.",
  });
}
