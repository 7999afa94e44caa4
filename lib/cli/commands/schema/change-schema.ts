/** Describes what `init` and `uninstall` will do to our schema, and throws if they may not do it. */
import type { SchemaState } from "../../../database/schema/describe-schema.ts";
import { indexerDeleted, STORE_VERSION, tooNew } from "../../../database/schema/migrate-database.ts";
import { OperatorError } from "../../../errors/operator-error.ts";

/** Describes what `init` will do. Pure. */
export function describeInit(state: SchemaState): string[] {
  const again =
    state.tombstone === undefined
      ? []
      : ["remove the tombstone of the deleted indexer, and create the indexer again"];
  const lasting = "indexd's own tables are not altered, and no foreign key points into them.";
  if (state.version === 0) {
    return [
      ...again,
      `create schema slabmend, version ${STORE_VERSION}, owned by ${state.role}: functions, and tables for leases, history, journal, outbox and dead letters`,
      lasting,
    ];
  }
  if (state.version < STORE_VERSION) {
    return [
      `upgrade schema slabmend from version ${state.version} to ${STORE_VERSION}, in one transaction`,
      lasting,
    ];
  }
  return [
    `leave the tables of schema slabmend, version ${state.version}, as they are, and replace its functions if those of this release differ`,
    lasting,
  ];
}

/**
 * Called before anything is printed or changed.
 * @throws {OperatorError} `lacks-right`; {StoreError} `schema-too-new` or `indexer-deleted`
 */
export function assertMayInit(state: SchemaState, again = false): void {
  if (state.version > STORE_VERSION) throw tooNew(state.version);
  if (state.tombstone !== undefined && !again) throw indexerDeleted(state.tombstone);
  if (state.version === 0 && !state.mayCreate) {
    throw new OperatorError({
      code: "lacks-right",
      message: `role ${state.role}: expected the privilege to create a schema in this database, got none`,
      remedy:
        "Run init as the owner of the database (indexd's own role); workers use the role from `slabmend grant`.",
      details: { role: state.role },
    });
  }
}

/** Describes what `uninstall` will do. Pure. */
export function describeUninstall(state: SchemaState): string[] {
  if (state.tombstone !== undefined) return ["remove the tombstone of the deleted indexer"];
  return [
    `bump the events of ${state.unflushedMoves} moved slabs, so that clients learn of the moves`,
    `end ${state.waitingLeases} leases whose repairs have not begun, and return their slabs to indexd at once`,
    `drop schema slabmend with everything in it, including ${state.journalRows} journal rows, and any views of yours that depend on it`,
    "indexd's own tables are not changed. The role from `slabmend grant` stays too: drop it with DROP OWNED BY and DROP ROLE.",
  ];
}

/** @throws {OperatorError} `nothing-to-remove`, `lacks-right` or `leases-running` */
export function assertMayUninstall(state: SchemaState, force: boolean): void {
  if (state.version === 0 && state.tombstone === undefined) {
    throw new OperatorError({
      code: "nothing-to-remove",
      message: "database: expected a schema slabmend to remove, got none",
      remedy: "Check that this is the intended database URL.",
    });
  }
  if (!state.mayDrop) {
    throw new OperatorError({
      code: "lacks-right",
      message: `role ${state.role}: expected it to own schema slabmend, got owner ${state.owner}`,
      remedy: `Run uninstall as ${state.owner}; the fleet's role may not do it.`,
      details: { role: state.role },
    });
  }
  if (state.runningLeases > 0 && !force) {
    throw new OperatorError({
      code: "leases-running",
      message: `leases: expected none running, got ${state.runningLeases}; nothing was changed`,
      remedy:
        "Stop claims with `slabmend pause`, wait until `slabmend status` shows no leases (0 running, 0 sent, 0 unsent), and remove the functions. uninstall --force ends running repairs: their work is lost, but no data.",
      details: { running: state.runningLeases },
    });
  }
}
