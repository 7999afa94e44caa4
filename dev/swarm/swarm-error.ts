import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type SwarmErrorCode =
  /** No free port was found, or the one that a host had is taken by now. */
  | "no-port"
  /** putSector: the bytes are not those of the root, or not a sector. */
  | "wrong-sector"
  /** readSectorFile: the host does not have it. */
  | "no-such-sector"
  | "no-such-host"
  /** The swarm has been stopped. */
  | "stopped"
  /** The swarm's process ended, or never came up. */
  | "process-ended"
  /** A call into the swarm's process failed there. */
  | "remote-failure";

/** Thrown by the swarm's own interface, never by the protocol that its hosts speak. */
export class SwarmError extends SlabmendError<SwarmErrorCode> {}
