import { expect, test } from "vitest";
import { renewalIdOf } from "../../lib/rhp4/renewal-id.ts";
import { parseContractId } from "../../lib/slab/ids.ts";

// The expected ids were computed with Python's hashlib.blake2b.
test.for([
  ["00".repeat(32), "d0f0413cb2df936359ad67edd10a79228d78fec663859112c2850f0b7b439fd8"],
  ["11".repeat(32), "f76fcf16a121b0cd763c1f34a44709d0a3556eedd2ed12560f3ca94758a8d7d2"],
])("a renewal of contract %s has the id that follows from it", ([id, renewal]) => {
  expect(renewalIdOf(parseContractId(id!))).toBe(renewal);
});
