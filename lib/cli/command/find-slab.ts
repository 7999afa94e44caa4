import type { ISql } from "postgres";
import { readSlab, readSlabByDigest } from "../../database/indexd/read-slab.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import { parseSlabDigest, parseSlabId } from "../../slab/ids.ts";
import type { Slab } from "../../slab/slab.ts";

/** What SLAB means in every command's help. */
export const SLAB_ARGUMENT =
  "slabs.id in decimal, or the slab's digest of 64 hex digits (indexd's API calls the digest slab id)";

const DIGEST = /^(0x)?([0-9a-fA-F]{64})$/;

/** @throws {OperatorError} `no-such-slab`; `bad-argument` if the text is neither an id nor a digest */
export async function findSlab(sql: ISql, text: string): Promise<Slab> {
  const digest = DIGEST.exec(text)?.[2]?.toLowerCase();
  if (digest === undefined && !/^[1-9]\d{0,18}$/.test(text)) throw notASlab(text);
  const slab =
    digest === undefined
      ? await readSlab(sql, parseSlabId(text))
      : await readSlabByDigest(sql, parseSlabDigest(digest));
  if (slab === undefined) throw noSuchSlab(text);
  return slab;
}

function notASlab(text: string): OperatorError {
  return new OperatorError({
    code: "bad-argument",
    message: `slab: expected an id in decimal digits or a digest of 64 hex digits, got ${JSON.stringify(text.slice(0, 80))}`,
    remedy: "Take the id from slabmend slabs --json, or use the slab id of indexd's API.",
  });
}

export function noSuchSlab(text: string): OperatorError {
  return new OperatorError({
    code: "no-such-slab",
    message: `slab ${text}: expected it in indexd's table slabs, got none`,
    remedy: "Check the id, and that the database URL belongs to the indexd that has this slab.",
  });
}
