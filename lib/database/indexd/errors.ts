import { SlabmendError } from "../../errors/slabmend-error.ts";

/**
 * What can be wrong with indexd's database:
 *
 *   not-indexd              its table of settings is missing or empty
 *   indexd-too-old, indexd-upgrading, indexd-needs-consent, indexd-changed
 *                           slabmend must not write to this version of it (lib/database/indexd/version)
 *   indexd-moved            it was upgraded after it was verified, so a writer wrote nothing
 *   malformed-row           it has a row that indexd would not have written
 */
export type IndexdErrorCode =
  | "not-indexd"
  | "indexd-too-old"
  | "indexd-upgrading"
  | "indexd-needs-consent"
  | "indexd-changed"
  | "indexd-moved"
  | "malformed-row";

export class IndexdError extends SlabmendError<IndexdErrorCode> {}

export function notIndexd(cause?: unknown): IndexdError {
  return new IndexdError({
    code: "not-indexd",
    message: "public.global_settings: expected indexd's one row of settings, got none",
    remedy: "Check the database URL, and that indexd has run at least once on this database.",
    cause,
  });
}
