import { inject, type TestContext } from "vitest";

/** The peers that scripts/install-interop.sh installs. */
export const PEERS = ["sia-storage-0.13.1", "sia-storage-0.12.0", "rust-host"] as const;
export type Peer = (typeof PEERS)[number];

/** The path of an installed peer (a virtual environment or a program), or the reason why the peer is missing. */
export type Installed = { readonly path: string } | { readonly missing: string };

declare module "vitest" {
  interface ProvidedContext {
    peers: Readonly<Record<Peer, Installed>>;
  }
}

/** @returns the path of the peer; skips the test with a reason if it is not installed */
export function installedPeer(context: TestContext, peer: Peer): string {
  const installed = inject("peers")[peer];
  return "path" in installed ? installed.path : context.skip(`${peer}: ${installed.missing}`);
}
