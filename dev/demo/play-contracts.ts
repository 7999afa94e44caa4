/**
 * Simulates the signing, renewal and pruning of contracts, with only those effects that a restore can notice. The
 * demo's hosts keep all sectors in one store; the database determines which contract a root is in.
 */
import type { KeyObject } from "node:crypto";
import type { ISql } from "postgres";
import { encodeFileContract } from "../../lib/rhp4/file-contract.ts";
import { renewalIdOf } from "../../lib/rhp4/renewal-id.ts";
import { type ContractId, idBytes, parseRoot, type Root } from "../../lib/slab/ids.ts";
import { renewContract } from "../indexd/seed-indexd.ts";
import { signedContract } from "../rhp4/signed-contract.ts";
import { type DemoHost, PROOF_HEIGHT } from "./register-hosts.ts";

/** Signs every host's contract with the wallet's key, and stores it at the host and in the database. */
export async function signContracts(sql: ISql, hosts: readonly DemoHost[], renter: KeyObject): Promise<void> {
  for (const { row, swarm } of hosts) {
    const contract = signedContract(renter, swarm.hostKey, { proofHeight: PROOF_HEIGHT });
    await swarm.setContract(row.contract!.contractId, { contract, revisable: true, renewed: false });
    await sql`
      update contracts set raw_revision = ${Buffer.from(encodeFileContract(contract))} where id = ${row.contract!.id}`;
  }
}

/** Renews the contract of a host, at the host and in the database. */
export async function renewWithHost(sql: ISql, { row, swarm }: DemoHost, renter: KeyObject): Promise<void> {
  const old = row.contract!;
  const id = renewalIdOf(old.contractId);
  const [size] = await sql<{ size: string; capacity: string }[]>`
    select size::text, capacity::text from contracts where id = ${old.id}`;
  const contract = signedContract(renter, swarm.hostKey, {
    filesizeBytes: BigInt(size!.size),
    capacityBytes: BigInt(size!.capacity),
    proofHeight: PROOF_HEIGHT + 1_000n,
  });
  const before = signedContract(renter, swarm.hostKey, { proofHeight: PROOF_HEIGHT });
  await swarm.setContract(old.contractId, { contract: before, revisable: false, renewed: true });
  await swarm.setContract(id, { contract, revisable: true, renewed: false });
  await renewContract(sql, row.id, old, {
    contract_id: Buffer.from(idBytes(id)),
    raw_revision: Buffer.from(encodeFileContract(contract)),
    size: size!.size,
    capacity: size!.capacity,
    proof_height: String(PROOF_HEIGHT + 1_000n),
    expiration_height: String(PROOF_HEIGHT + 1_144n),
  });
}

/**
 * The roots that indexd would free on a host if indexd pruned according to this database. These are all roots on the
 * host, except the sectors that the database records in the host's current contract, or as unpinned on this host. The
 * result is empty if the database does not know the host's current contract: indexd would ask for an older contract,
 * and the host refuses to list the roots of a contract that is not current.
 */
export async function prunableRoots(
  sql: ISql,
  { row, swarm }: DemoHost,
  current: ContractId,
): Promise<readonly Root[]> {
  const contract = Buffer.from(idBytes(current));
  const known = await sql`
    select from contracts c
    where c.contract_id = ${contract} and c.good and c.state in (0, 1) and c.renewed_to is null`;
  if (known.length === 0) return [];
  const kept = await sql<{ root: string }[]>`
    select encode(s.sector_root, 'hex') as root from sectors s
    left join contract_sectors_map m on m.id = s.contract_sectors_map_id
    where m.contract_id = ${contract} or (s.host_id = ${row.id} and s.contract_sectors_map_id is null)`;
  const keep = new Set(kept.map(({ root }) => parseRoot(root)));
  return (await swarm.sectorRoots()).filter((root) => !keep.has(root));
}

/** Frees the prunable roots of these hosts. @returns how many roots it freed */
export async function pruneHosts(
  sql: ISql,
  hosts: readonly DemoHost[],
  currentOf: (host: DemoHost) => ContractId,
): Promise<number> {
  let freed = 0;
  for (const host of hosts) {
    for (const root of await prunableRoots(sql, host, currentOf(host))) {
      if (await host.swarm.dropSector(root)) freed += 1;
    }
  }
  return freed;
}
