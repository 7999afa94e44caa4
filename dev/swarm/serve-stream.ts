import { ProtocolError } from "../../lib/rhp4/errors.ts";
import { decodeSpecifier, encodeWireError, SPECIFIER_BYTES } from "../../lib/rhp4/framing.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { MuxClosedError, StreamError } from "../../lib/siamux/siamux-error.ts";
import type { HostState } from "./host-state.ts";
import { HOST_SHUTTING_DOWN, INTERNAL_ERROR, Refused, UNRECOGNIZED_RPC } from "./refusals.ts";
import { serveAccountBalance, serveLatestRevision, serveSettings } from "./serve-free-rpcs.ts";
import { serveReadSector } from "./serve-read-sector.ts";
import { serveVerifySector } from "./serve-verify-sector.ts";
import { serveWriteSector } from "./serve-write-sector.ts";

type Server = (host: HostState, stream: RpcStream) => Promise<void>;

const SERVERS: ReadonlyMap<string, Server> = new Map([
  ["Settings", serveSettings],
  ["AccountBalance", serveAccountBalance],
  ["LatestRevision", serveLatestRevision],
  ["ReadSector", serveReadSector],
  ["WriteSector", serveWriteSector],
  ["VerifySector", serveVerifySector],
]);

/** The public server's time limit for any RPC. */
const RPC_TIMEOUT_MS = 10 * 60_000;

/** Serves the one RPC of a stream and closes it. Never rejects: failures are answered, or recorded in the counters. */
export async function serveStream(host: HostState, stream: RpcStream): Promise<void> {
  const timeout = new Error("the RPC took too long");
  const cancelTimeout = host.clock.after(RPC_TIMEOUT_MS, () => stream.destroy(timeout));
  try {
    await serveRpc(host, stream);
  } catch (error) {
    if (error !== timeout) await answer(host, stream, error);
  } finally {
    cancelTimeout();
    stream.close();
  }
}

async function serveRpc(host: HostState, stream: RpcStream): Promise<void> {
  // Like a real server that accepts no new RPCs, this one refuses the RPC before it reads the RPC's specifier.
  if (host.switches.current.shuttingDown) throw new Refused(HOST_SHUTTING_DOWN);
  const name = specifierName(await stream.readExactly(SPECIFIER_BYTES));
  const serve = name === undefined ? undefined : SERVERS.get(name);
  host.tally.countRpc(serve && name ? name : "unrecognized");
  if (serve === undefined) throw new Refused(UNRECOGNIZED_RPC);
  if (host.switches.current.failsInternally) throw new Refused(INTERNAL_ERROR);
  await serve(host, stream);
}

function specifierName(bytes: Uint8Array): string | undefined {
  try {
    return decodeSpecifier(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) return undefined;
    throw error;
  }
}

async function answer(host: HostState, stream: RpcStream, error: unknown): Promise<void> {
  // The client or its connection is gone, so there is no answer.
  if (error instanceof StreamError || error instanceof MuxClosedError) return;
  const refusal = error instanceof Refused ? error.refusal : INTERNAL_ERROR;
  if (error instanceof Refused) host.tally.countRefusal(refusal.description);
  else host.tally.noteFault(error);
  await stream.write(encodeWireError(refusal)).catch(() => undefined);
}
