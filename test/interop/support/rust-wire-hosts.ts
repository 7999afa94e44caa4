import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { accountKeyFromSeed } from "../../../lib/keys/account-key.ts";
import { writeSector } from "../../../lib/rhp4/write-sector.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { WireClient } from "../../wire/wire-client.ts";
import type { Trait, WireHost, WireHosts } from "../../wire/wire-hosts.ts";
import { startRustHosts } from "./rust-hosts.ts";

/** Hosts of the official crates with the traits that test/wire asks for. */
export async function startRustWireHosts(binary: string, traits: readonly Trait[]): Promise<WireHosts> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-rust-hosts-"));
  const swarm = await startRustHosts(binary, {
    hostCount: traits.length,
    folder: join(folder, "sectors"),
    seed: randomUUID(),
  });
  const account = accountKeyFromSeed(
    createHash("sha256").update("wire tests on hosts of the crates").digest(),
  );
  const corruptSector = createHash("shake256", { outputLength: SECTOR_BYTES }).update("corrupt").digest();
  const hosts: WireHost[] = [];
  for (const [index, trait] of traits.entries()) {
    const host = swarm.hosts[index]!;
    await host.fund(account.account, 10n ** 30n);
    const { hostKey, address } = host;
    const healthy: WireHost = { trait, hostKey, address, corruptRoot: undefined, contractId: undefined };
    await using client = await WireClient.dial(healthy, account);
    const payment = await client.payment();
    const { root } = await writeSector(client.mux.openStream(), payment, corruptSector);
    await host.setSwitches({
      findsSectorsCorrupt: [root],
      full: trait === "full",
      shuttingDown: trait === "shutting-down",
    });
    hosts.push({ ...healthy, corruptRoot: root });
  }
  return {
    account,
    hosts,
    async stop() {
      await swarm.stop();
      await rm(folder, { recursive: true });
    },
  };
}
