import { encodeCall, type RpcName } from "./framing.ts";
import { RpcError } from "./rpc-error.ts";
import type { RpcStream } from "./rpc-stream.ts";

/**
 * Makes one RPC with a small request: sends the request and receives the answer. Afterwards the stream is closed if the
 * host answered, even with an error; otherwise the stream is destroyed.
 */
export async function callRpc<Result>(
  stream: RpcStream,
  name: RpcName,
  request: Uint8Array,
  receive: (stream: RpcStream) => Promise<Result>,
): Promise<Result> {
  try {
    // If the host refuses the call and closes the stream at once, this write fails, but the host's reason can still be
    // read.
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

/**
 * After an error that the host sent, the stream is intact and is closed; after any other error, the stream's
 * remaining bytes are meaningless, and it is destroyed.
 */
export function endAfterFailure(stream: RpcStream, error: unknown): void {
  if (error instanceof RpcError) stream.close();
  else stream.destroy(error instanceof Error ? error : new Error("the call failed", { cause: error }));
}
