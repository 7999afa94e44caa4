import { Encoder } from "./encoding.ts";
import { ProtocolError } from "./errors.ts";
import { type ByteSource, MessageReader } from "./message-reader.ts";
import { rpcErrorFromWire, type WireError } from "./rpc-error.ts";

/** A specifier names a request: 16 bytes of ASCII, padded with zeros. */
export const SPECIFIER_BYTES = 16;

/**
 * The RPCs that slabmend or its tests call. RPCs that change contracts are indexd's job:
 * docs/protocol.md#rhp4-and-talking-to-hosts.
 */
export type RpcName =
  | "Settings"
  | "ReadSector"
  | "WriteSector"
  | "VerifySector"
  | "AccountBalance"
  | "LatestRevision";

/** The reference implementation's limit for the code, the length and the description of an error together. */
const MAX_ERROR_BYTES = 1024;
const ERROR_HEAD_BYTES = 1 + 8;
const MAX_DESCRIPTION_BYTES = MAX_ERROR_BYTES - ERROR_HEAD_BYTES;

/** `specifier || request`: everything that the client sends before the data, if the call has any. */
export function encodeCall(name: RpcName, request: Uint8Array): Uint8Array {
  return new Encoder(SPECIFIER_BYTES + request.length)
    .fixed(encodeSpecifier(name), SPECIFIER_BYTES)
    .fixed(request, request.length)
    .finish();
}

export function encodeSpecifier(name: RpcName): Uint8Array {
  const specifier = new Uint8Array(SPECIFIER_BYTES);
  specifier.set(Buffer.from(name, "ascii"));
  return specifier;
}

/**
 * Host side: the name without its padding. It may be any text; the host answers `unrecognized RPC` to unknown names.
 */
export function decodeSpecifier(bytes: Uint8Array): string {
  if (bytes.length !== SPECIFIER_BYTES) {
    throw new ProtocolError("malformed-message", `specifier: expected 16 bytes, got ${bytes.length}`);
  }
  const end = bytes.indexOf(0);
  const name = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("latin1");
  if (end >= 0 && bytes.subarray(end).some((byte) => byte !== 0)) {
    throw new ProtocolError("malformed-message", "specifier: padding must be zero");
  }
  return name;
}

/** Host side: `0x00 || object`. */
export function encodeSuccess(object: Uint8Array): Uint8Array {
  return new Encoder(1 + object.length).u8(0).fixed(object, object.length).finish();
}

/** Host side: `0x01 || code || description`; a longer description than clients accept is cut. */
export function encodeWireError(error: WireError): Uint8Array {
  const description = Buffer.from(error.description, "utf8").subarray(0, MAX_DESCRIPTION_BYTES);
  return new Encoder(1 + ERROR_HEAD_BYTES + description.length)
    .u8(1)
    .u8(error.code)
    .prefixed(description)
    .finish();
}

/** Reads the status byte. If an error follows, reads it and throws it as an RpcError. */
export async function expectSuccess(source: ByteSource): Promise<void> {
  const reader = new MessageReader("response", source, 1 + MAX_ERROR_BYTES);
  const failed = (await reader.next(1)).bool();
  if (!failed) return;
  const head = await reader.next(ERROR_HEAD_BYTES);
  const code = head.u8();
  const lengthBytes = head.count("error description", MAX_DESCRIPTION_BYTES);
  const description = (await reader.next(lengthBytes)).text(lengthBytes);
  throw rpcErrorFromWire({ code, description });
}

/** Reads a response of fixed length: the status byte, then `objectBytes`. */
export async function readFixedResponse(source: ByteSource, objectBytes: number): Promise<Uint8Array> {
  await expectSuccess(source);
  return source.readExactly(objectBytes);
}
