import type { HostKey } from "../../lib/slab/ids.ts";
import type { SwarmHost, SwarmOptions } from "./swarm.ts";

/**
 * Messages between a swarm's process and its parent over fork()'s channel. The channel copies values as structured
 * clones, so bigints and bytes can be sent.
 */

/** A host's remote calls. */
export type HostCall = {
  [Name in keyof SwarmHost]: SwarmHost[Name] extends (...args: never[]) => Promise<unknown> ? Name : never;
}[keyof SwarmHost];

export type ToSwarm =
  /** The first message to the process; sent exactly once. */
  | { readonly kind: "start"; readonly options: SwarmOptions }
  | {
      readonly kind: "call";
      readonly id: number;
      readonly host: number;
      readonly name: HostCall;
      readonly args: unknown[];
    }
  | { readonly kind: "set-tip-height"; readonly id: number; readonly height: bigint }
  /** Tells the process to clean up and then to end. */
  | { readonly kind: "stop" };

export type FromSwarm =
  | {
      readonly kind: "started";
      readonly hosts: readonly { readonly hostKey: HostKey; readonly address: string }[];
    }
  | { readonly kind: "start-failed"; readonly message: string }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "failure"; readonly id: number; readonly code: string; readonly message: string };
