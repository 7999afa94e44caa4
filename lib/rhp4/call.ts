import { encodeCall, type RpcName } from "./framing.ts";
import { RpcError } from "./rpc-error.ts";
import type { RpcStream } from "./rpc-stream.ts";

/**
 * One RPC whose request is small: sends it, receives the answer, and leaves the stream closed (the host answered,
 * if only with an error) or destroyed (anything else).
 */
export async function callRpc<Result>(
  stream: RpcStream,
  name: RpcName,
  request: Uint8Array,
  receive: (stream: RpcStream) => Promise<Result>,
): Promise<Result> {
  try {
    // A host that refuses and closes at once makes the write fail, but its reason can still be read.
    await stream.write(encodeCall(name, request)).catch((cause: unknown) => {
      if (!stream.peerClosed) throw cause;
    });
    const result = await receive(stream);
    stream.close();
    return result;
  } catch (error) {
    endAfterFailure(stream, error);
    throw error;
  }
}

/** The host's own error leaves the stream in order; after any other nothing on it makes sense. */
export function endAfterFailure(stream: RpcStream, error: unknown): void {
  if (error instanceof RpcError) stream.close();
  else stream.destroy(error instanceof Error ? error : new Error("the call failed", { cause: error }));
}
