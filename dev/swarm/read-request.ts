import { ProtocolError } from "../../lib/rhp4/errors.ts";
import type { RpcStream } from "../../lib/rhp4/rpc-stream.ts";
import { Refused, undecodable } from "./refusals.ts";

/** Reads and decodes a request of fixed length; refuses a request that cannot be decoded. */
export async function readRequest<Request>(
  stream: RpcStream,
  lengthBytes: number,
  decode: (bytes: Uint8Array) => Request,
): Promise<Request> {
  const bytes = await stream.readExactly(lengthBytes);
  try {
    return decode(bytes);
  } catch (error) {
    if (error instanceof ProtocolError) throw new Refused(undecodable("request", error.message));
    throw error;
  }
}
