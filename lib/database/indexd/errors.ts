import { SlabmendError } from "../../errors/slabmend-error.ts";

/**
 * What can be wrong with indexd's database, as we meet it:
 * `not-indexd` no settings where indexd keeps them; `unknown-database-version` indexd's schema is not one we know;
 * `malformed-row` a row that indexd would not have written.
 */
export type IndexdErrorCode = "not-indexd" | "unknown-database-version" | "malformed-row";

export class IndexdError extends SlabmendError<IndexdErrorCode> {}
