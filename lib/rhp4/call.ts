import { encodeCall, type RpcName } from "./framing.ts";
import { RpcError } from "./rpc-error.ts";
import type { RpcStream } from "./rpc-stream.ts";

/**
 * One RPC with a small request: sends it and receives the answer. Afterwards the stream is closed if the host answered, even with an
 * error; otherwise it is destroyed.
 */
export async function callRpc<Result>(
  stream: RpcStream,
  name: RpcName,
  request: Uint8Array,
  receive: (stream: RpcStream) => Promise<Result>,
): Promise<Result> {
  try {
    // If the host refuses and closes at once, the write fails, but the reason can still be read.
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

/** After an error from the host the stream is intact; after any other error its content is meaningless. */
export function endAfterFailure(stream: RpcStream, error: unknown): void {
  if (error instanceof RpcError) stream.close();
  else stream.destroy(error instanceof Error ? error : new Error("the call failed", { cause: error }));
}
