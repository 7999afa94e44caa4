import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SwarmInProcess, startSwarmProcess } from "../../../dev/swarm/start-swarm-process.ts";
import { parseContractId } from "../../../lib/slab/ids.ts";
import { contract } from "../../rhp4/samples.ts";
import { processState } from "../../support/processes.ts";
import { untilEqual } from "../../support/until.ts";
import { accountKey, Cleanups, client, refusalOf, sectorOf } from "./swarm-client.ts";

const stored = sectorOf("process");

/** A program that starts a swarm process, prints its pid and then waits until it is killed itself. */
const PARENT = `
const { startSwarmProcess } = await import(process.env.MODULE);
const swarm = await startSwarmProcess({ hostCount: 2, dir: process.env.DIR, seed: "parent" });
process.stdout.write(String(swarm.pid));
setInterval(() => {}, 1000);
`;

describe("a swarm in a process of its own", () => {
  let cleanups: Cleanups;
  let parent: string;
  let dir: string;

  beforeEach(async () => {
    cleanups = new Cleanups();
    parent = await mkdtemp(join(tmpdir(), "slabmend-swarm-"));
    dir = join(parent, "hosts");
    cleanups.add(() => rm(parent, { recursive: true }));
  });
  afterEach(() => cleanups[Symbol.asyncDispose]());

  async function started(hostCount = 2): Promise<SwarmInProcess> {
    const swarm = await startSwarmProcess({ hostCount, dir, seed: "process", tipHeight: 5n });
    cleanups.add(() => swarm.stop());
    return swarm;
  }

  it("a swarm process answers the same calls as a local swarm", async () => {
    const swarm = await started();
    const [host, other] = swarm.hosts;
    if (host === undefined || other === undefined) throw new Error("two hosts were asked for");
    expect(await processState(swarm.pid)).toBeDefined();
    expect(host.address).not.toBe(other.address);
    await host.putSector(stored.root, stored.bytes);
    const { read, write } = await client(cleanups, host);
    expect((await read(stored.root)).isProven).toBe(true);
    const written = sectorOf("written there");
    expect((await write(written.bytes)).root).toBe(written.root);

    expect(await host.hasSector(written.root)).toBe(true);
    expect(await host.sectorExpiration(written.root)).toBe(437n);
    expect(await host.sectorExpiration(stored.root)).toBeNull();
    expect(await other.sectorExpiration(stored.root)).toBeUndefined();
    expect(Buffer.compare(await host.readSectorFile(written.root), written.bytes)).toBe(0);
    await swarm.setTipHeight(437n);
    expect(await host.sectorRoots()).toEqual([stored.root]);
    expect(await host.dropSector(stored.root)).toBe(true);
    expect((await refusalOf(read(stored.root))).description).toBe("sector not found");
    await host.setContract(parseContractId("ab".repeat(32)), { contract, revisable: true, renewed: true });
    expect((await host.setSwitches({ full: true })).full).toBe(true);
    expect((await refusalOf(write(written.bytes))).description).toBe("not enough storage");

    const { rpcs, hastingsCharged, faults } = await host.counters();
    expect(rpcs).toEqual({ Settings: 1, ReadSector: 2, WriteSector: 2 });
    expect(hastingsCharged).toBeGreaterThan(0n);
    expect(faults).toEqual([]);
    expect(await other.balance(accountKey.account)).toBe(0n);
  });

  it("a swarm process passes errors on with their codes", async () => {
    const [host] = (await started(1)).hosts;
    await expect(host?.readSectorFile(stored.root)).rejects.toMatchObject({ code: "no-such-sector" });
    await expect(host?.putSector(stored.root, new Uint8Array(1))).rejects.toMatchObject({
      code: "wrong-sector",
    });
  });

  it("a stopped swarm process removes its files, and later calls fail", async () => {
    const swarm = await started();
    expect(await readdir(parent)).toEqual(["hosts"]);
    await Promise.all([swarm.stop(), swarm.stop()]);
    expect(await readdir(parent)).toEqual([]);
    expect(await processState(swarm.pid)).toBeUndefined();
    await expect(swarm.hosts[0]?.counters()).rejects.toMatchObject({ code: "process-ended" });
  });

  it("pending calls fail if the swarm process is killed", async () => {
    const swarm = await started();
    process.kill(swarm.pid, "SIGSTOP");
    const call = swarm.hosts[0]?.counters();
    process.kill(swarm.pid, "SIGKILL");
    await expect(call).rejects.toMatchObject({ code: "process-ended" });
  });

  it("a swarm process reports why it cannot start", async () => {
    await writeFile(dir, "a file where the folder should be");
    await expect(startSwarmProcess({ hostCount: 1, dir, seed: "x" })).rejects.toMatchObject({
      code: "process-ended",
      message: expect.stringContaining("EEXIST"),
    });
  });

  it.each(["SIGKILL", "SIGTERM"] as const)(
    "a swarm process removes its files and ends if its parent dies by %s",
    async (signal) => {
      const modulePath = new URL("../../../dev/swarm/start-swarm-process.ts", import.meta.url).href;
      const owner: ChildProcess = spawn(process.execPath, ["--input-type=module", "--eval", PARENT], {
        env: { ...process.env, MODULE: modulePath, DIR: dir },
        stdio: ["ignore", "pipe", "inherit"],
      });
      cleanups.add(async () => owner.kill("SIGKILL"));
      const [printed] = await once(owner.stdout!, "data");
      const pid = Number(String(printed));
      expect(await readdir(dir)).toHaveLength(2);
      owner.kill(signal);
      await once(owner, "exit");
      // The adopting process may leave the orphan as a zombie for a moment.
      await untilEqual(async () => [undefined, "Z"].includes(await processState(pid)), true);
      expect(await readdir(parent)).toEqual([]);
    },
  );
});
