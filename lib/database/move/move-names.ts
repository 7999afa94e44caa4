/**
 * Names of the objects that a move creates on the two servers. An operator finds these names in the catalogues, and can
 * add the roles to pg_hba.conf.
 */

/** The source's replication role, publication and slot, and the target's subscription. */
export const MOVE = "slabmend_move";
/** A role that a move creates in the closed source for one attempt to log in, which must fail. */
export const PROBE = "slabmend_move_probe";

/** Quotes a name for SQL. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Quotes a string for SQL; with standard_conforming_strings, PostgreSQL's default, only quotes are special. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
