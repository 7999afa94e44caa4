/** Hosts of the official crates with the traits that test/wire asks for, and the list by which it finds them. */
import { createHash, randomUUID } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type * as v from "valibot";
import { accountKeyFromSeed } from "../../../lib/keys/account-key.ts";
import { writeSector } from "../../../lib/rhp4/write-sector.ts";
import { SECTOR_BYTES } from "../../../lib/slab/sizes.ts";
import { WireClient } from "../../wire/wire-client.ts";
import { type HostList, TRAITS } from "../../wire/wire-hosts.ts";
import { startRustHosts } from "./rust-hosts.ts";

export interface ListedHosts {
  /** The JSON file. */
  readonly list: string;
  stop(): Promise<void>;
}

export async function listRustHosts(binary: string): Promise<ListedHosts> {
  const folder = await mkdtemp(join(tmpdir(), "slabmend-rust-hosts-"));
  const swarm = await startRustHosts(binary, {
    hostCount: TRAITS.length,
    folder: join(folder, "sectors"),
    seed: randomUUID(),
  });
  const accountSeed = createHash("sha256").update("wire tests on hosts of the crates").digest();
  const account = accountKeyFromSeed(accountSeed);
  const hosts: v.InferOutput<typeof HostList>["hosts"] = [];
  for (const [index, trait] of TRAITS.entries()) {
    const host = swarm.hosts[index]!;
    await host.fund(account.account, 10n ** 30n);
    const { hostKey, address } = host;
    const asked = { trait, hostKey, address, corruptRoot: undefined, contractId: undefined };
    await using client = await WireClient.dial(asked, account);
    const data = createHash("shake256", { outputLength: SECTOR_BYTES }).update("corrupt").digest();
    const stored = await writeSector(client.mux.openStream(), { ...(await client.payment()), data });
    await host.setSwitches({
      findsSectorsCorrupt: [stored.root],
      full: trait === "full",
      shuttingDown: trait === "shutting-down",
    });
    hosts.push({ trait, hostKey, address, corruptRoot: stored.root });
  }
  const list = join(folder, "hosts.json");
  await writeFile(list, JSON.stringify({ accountSeed: accountSeed.toString("hex"), hosts }));
  return {
    list,
    async stop() {
      await swarm.stop();
      await rm(folder, { recursive: true });
    },
  };
}
