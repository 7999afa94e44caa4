/** Wraps the demo's functions that seed indexd, so that the search for secrets (test/canary) learns the seeded keys. */
import { randomBytes } from "node:crypto";
import * as builders from "../../dev/indexd/seed-indexd.ts";
import { recordSecret } from "../canary/recorder.ts";

export * from "../../dev/indexd/seed-indexd.ts";

export const seedSlabs: typeof builders.seedSlabs = (sql, { slabs, ...rest }) => {
  const keyed = slabs.map((slab) => ({ ...slab, encryptionKey: slab.encryptionKey ?? randomBytes(32) }));
  for (const { encryptionKey } of keyed) recordSecret("slab key", encryptionKey);
  return builders.seedSlabs(sql, { slabs: keyed, ...rest });
};

export const seedSlab: typeof builders.seedSlab = async (sql, slab) => {
  const [seeded] = await seedSlabs(sql, { slabs: [slab] });
  return seeded!;
};
