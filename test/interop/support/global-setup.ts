/**
 * Installs the peers before the suites run. If peers are required, the run fails when a peer cannot be installed;
 * otherwise the missing peer is only reported. The suites of test/wire run against hosts of the official crates.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { RUST_HOST_VARIABLE } from "../../wire/wire-hosts.ts";
import { type Installed, PEERS } from "./peers.ts";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
/** The folder into which scripts/install-interop.sh installs the peers. */
const FOLDER = process.env["SLABMEND_INTEROP"] || join(REPOSITORY, ".slabmend/interop");

const isRequired = process.env["CI"] === "true" || process.env["SLABMEND_INTEROP_REQUIRED"] === "true";

export default function setup(project: TestProject): void {
  const peers = Object.fromEntries(PEERS.map((peer) => [peer, install(peer)]));
  project.provide("peers", peers as never);
  const rustHost = peers["rust-host"]!;
  // Test files see the variable, because their processes are started later.
  if ("path" in rustHost) process.env[RUST_HOST_VARIABLE] = rustHost.path;
}

function install(peer: string): Installed {
  const { status, stderr, error } = spawnSync("bash", ["scripts/install-interop.sh", peer], {
    cwd: REPOSITORY,
    encoding: "utf8",
    stdio: ["ignore", "inherit", "pipe"],
  });
  if (status === 0) return { path: join(FOLDER, peer) };
  const why = error?.message ?? stderr.trim();
  if (isRequired) throw new Error(`the peer ${peer} is required and could not be installed:\n${why}`);
  return { missing: why.split("\n").at(-1) ?? "no reason was given" };
}
