/** The name of the indexer in an installation that sets no name. */
export const DEFAULT_INDEXER = "default";
/**
 * Words of lower-case letters and digits, joined by hyphens. Names of AWS resources (at most 64 characters) contain
 * this name, some in camel case (infra/names.ts). Each word begins with a letter, so that different names stay
 * different in camel case.
 */
export const INDEXER_NAME = /^(?=.{1,20}$)[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;
/** Completes the sentence "expected …". */
export const INDEXER_NAME_EXPECTED =
  "at most 20 lower-case letters, digits and single hyphens, each word beginning with a letter";
