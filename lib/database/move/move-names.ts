/** What a move makes on both servers has one name: an operator finds it in the catalogues, and writes it into pg_hba.conf. */

/** The replication role and publication of the source, its slot, and the subscription of the target. */
export const MOVE = "slabmend_move";
/** A role of the source that exists for one attempt to log in. */
export const PROBE = "slabmend_move_probe";

/** A name in SQL. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** A string in SQL; with standard_conforming_strings, PostgreSQL's default, only quotes are special. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;
