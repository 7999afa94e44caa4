import { generateKeyPairSync } from "node:crypto";
import { expect, test } from "vitest";
import { signedContract } from "../../../dev/rhp4/signed-contract.ts";
import type { NetworkHost } from "../../../lib/database/indexd/network-snapshot.ts";
import { followContract } from "../../../lib/jobs/restore/follow-contracts.ts";
import { publicKeyBytes } from "../../../lib/rhp4/signing.ts";
import { parseContractId, parseHostKey } from "../../../lib/slab/ids.ts";
import { hex32 } from "../../database/journal/journal-rows.ts";
import { never } from "../journal/archive-fixture.ts";

test("if a host reports renewals without end, none of them is believed", async () => {
  const renter = generateKeyPairSync("ed25519").privateKey;
  const hostKey = parseHostKey(hex32());
  const contract = signedContract(renter, hostKey);
  const hosts = { latestRevision: async () => ({ contract, revisable: false, renewed: true }) };
  const contractId = parseContractId(hex32());
  const asked = { contractId, renterPublicKey: publicKeyBytes(renter) };
  const fate = await followContract(hosts, { hostKey } as NetworkHost, asked, never);
  expect(fate).toEqual({ kind: "unknown", renewals: [], last: contractId, code: "too-many-renewals" });
});
