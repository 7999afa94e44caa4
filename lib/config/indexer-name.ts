/** Of an installation that names none. */
export const DEFAULT_INDEXER = "default";
/**
 * Words of lower-case letters and digits, joined by hyphens. Names of AWS resources, which have at most 64 characters, are made
 * from it, also without the hyphens and with capitals (infra/names.ts): each word begins with a letter, so that no two names
 * become one.
 */
export const INDEXER_NAME = /^(?=.{1,20}$)[a-z][a-z0-9]*(-[a-z][a-z0-9]*)*$/;
/** Completes the sentence "expected …". */
export const INDEXER_NAME_EXPECTED =
  "at most 20 lower-case letters, digits and single hyphens, each word beginning with a letter";
