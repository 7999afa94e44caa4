import { SlabmendError } from "../../lib/errors/slabmend-error.ts";

export type SwarmErrorCode =
  /** No free port was found, or a host's port has been taken. */
  | "no-port"
  /** From `putSector`: the bytes are not a sector, or their root is not the given one. */
  | "wrong-sector"
  /** From `readSectorFile`: the host does not have the sector. */
  | "no-such-sector"
  | "no-such-host"
  /** The swarm has been stopped. */
  | "stopped"
  /** The swarm's process ended, or did not start. */
  | "process-ended"
  /** A call was sent to the swarm's process and failed there. */
  | "remote-failure";

/** Thrown by the functions that control a swarm. What a host answers over the protocol is never a `SwarmError`. */
export class SwarmError extends SlabmendError<SwarmErrorCode> {}
