/** Installs the peers before the suites. A peer that cannot be installed fails the run where it is required, and is named elsewhere. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestProject } from "vitest/node";
import { PEERS } from "./peers.ts";

const REPOSITORY = fileURLToPath(new URL("../../../", import.meta.url));
/** The folder of scripts/install-interop.sh. */
const FOLDER = process.env["SLABMEND_INTEROP"] || join(REPOSITORY, ".slabmend/interop");

const isRequired = process.env["CI"] === "true" || process.env["SLABMEND_INTEROP_REQUIRED"] === "true";

export default function setup(project: TestProject): void {
  const peers = Object.fromEntries(PEERS.map((peer) => [peer, install(peer)]));
  project.provide("peers", peers as never);
}

function install(peer: string): { readonly path: string } | { readonly missing: string } {
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
