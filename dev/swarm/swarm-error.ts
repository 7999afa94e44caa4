import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type SwarmErrorCode =
  /** No free port was found, or a host's port has been taken. */
  | "no-port"
  /** putSector: the bytes do not have this root, or are not a sector. */
  | "wrong-sector"
  /** readSectorFile: the host does not have it. */
  | "no-such-sector"
  | "no-such-host"
  /** The swarm has been stopped. */
  | "stopped"
  /** The swarm's process ended, or did not start. */
  | "process-ended"
  /** A call into the swarm's process failed there. */
  | "remote-failure";

/** Thrown by the swarm's own interface, never by its hosts' protocol. */
export class SwarmError extends SlabmendError<SwarmErrorCode> {}
