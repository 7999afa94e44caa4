import type { Root } from "../slab/ids.ts";
import { LEAF_BYTES, SECTOR_BYTES } from "../slab/sizes.ts";
import { endAfterFailure } from "./call.ts";
import { decodeWhole, Encoder } from "./encoding.ts";
import { InvalidRequestError, ProtocolError } from "./errors.ts";
import { encodeCall, encodeSuccess, readFixedResponse } from "./framing.ts";
import type { ByteSource } from "./message-reader.ts";
import { encodePayment, PAYMENT_BYTES, type Payment, readPayment } from "./payment.ts";
import type { RpcStream } from "./rpc-stream.ts";

export interface WriteSectorRequest extends Payment {
  /** From 64 bytes to 4 MiB, a multiple of 64. On the host side, any number that the client sent. */
  readonly dataLength: bigint;
}

export const WRITE_SECTOR_REQUEST_BYTES = PAYMENT_BYTES + 8;

/** The request up to the data. The data follows without any framing. */
export function encodeWriteSectorRequest(request: WriteSectorRequest): Uint8Array {
  return new Encoder(WRITE_SECTOR_REQUEST_BYTES)
    .fixed(encodePayment(request), PAYMENT_BYTES)
    .u64(request.dataLength)
    .finish();
}

export function decodeWriteSectorRequest(bytes: Uint8Array): WriteSectorRequest {
  return decodeWhole("WriteSector request", bytes, (from) => ({
    ...readPayment(from),
    dataLength: from.u64(),
  }));
}

export function encodeWriteSectorResponse(root: Root): Uint8Array {
  return encodeSuccess(new Encoder(32).id(root).finish());
}

export async function readWriteSectorResponse(source: ByteSource): Promise<Root> {
  const bytes = await readFixedResponse(source, 32);
  return decodeWhole("WriteSector response", bytes, (from) => from.id<Root>());
}

/**
 * Bytes per write to the stream: 16 frames with siamux's default payload of 4296 bytes each. The frames must be full: a
 * host that refuses early closes the stream, and then tolerates only 999 more frames of this stream. A whole sector in
 * full frames has 977 frames.
 */
const SEND_BYTES = 16 * 4296;

export interface WriteSectorResult {
  /** The root that the host reports; the caller compares it with the root that it expects. */
  readonly root: Root;
}

/**
 * Stores `data` for about three days; the host pads it with zeros to a whole sector. The answer is awaited while data
 * is sent: if the host refuses early, the rest of the data is not sent, and the host's error is thrown.
 * @param mayCharge called just before the last part of the data is written to the stream: the host may charge from then
 * on
 */
export async function writeSector(
  stream: RpcStream,
  payment: Payment,
  data: Uint8Array,
  mayCharge: () => void = () => {},
): Promise<WriteSectorResult> {
  if (data.length === 0 || data.length > SECTOR_BYTES || data.length % LEAF_BYTES !== 0) {
    throw new InvalidRequestError(
      `data: expected a multiple of ${LEAF_BYTES} bytes, at most a sector, got ${data.length}`,
    );
  }
  const head = encodeWriteSectorRequest({ ...payment, dataLength: BigInt(data.length) });
  const progress: SendProgress = { allGiven: false, answered: false, ended: false };
  const receiving = readWriteSectorResponse(stream).finally(() => {
    progress.answered = true;
  });
  const sending = sendAll(stream, { head: encodeCall("WriteSector", head), data, mayCharge }, progress)
    // The error of a failed send is dropped: reading the answer fails too, with the host's reason if there is one.
    .catch((cause: Error) => {
      if (!stream.peerClosed) stream.destroy(cause);
    })
    .finally(() => {
      progress.ended = true;
    });
  try {
    const root = await receiving;
    if (!progress.allGiven) {
      throw new ProtocolError(
        "early-response",
        "WriteSector: the host confirmed a sector that was not sent in full",
      );
    }
    await sending;
    stream.close();
    return { root };
  } catch (error) {
    // A write may be waiting for a host that has stopped reading: only destroying the stream ends such a write.
    if (progress.ended) endAfterFailure(stream, error);
    else stream.destroy(error as Error);
    await sending;
    throw error;
  }
}

interface SendProgress {
  allGiven: boolean;
  answered: boolean;
  ended: boolean;
}

async function sendAll(
  stream: RpcStream,
  what: {
    readonly head: Uint8Array;
    readonly data: Uint8Array;
    readonly mayCharge: () => void;
  },
  progress: SendProgress,
): Promise<void> {
  const { head, data, mayCharge } = what;
  const noteGiven = (sent: number): void => {
    progress.allGiven = sent === data.length;
    if (progress.allGiven) mayCharge();
  };
  // The head is sent in one chunk with the first data: sent alone, it would be padded to a whole packet.
  const first = new Uint8Array(Math.min(SEND_BYTES, head.length + data.length));
  first.set(head);
  let sent = first.length - head.length;
  first.set(data.subarray(0, sent), head.length);
  noteGiven(sent);
  await stream.write(first);
  while (sent < data.length && !progress.answered && !stream.peerClosed) {
    const chunk = data.subarray(sent, sent + SEND_BYTES);
    sent += chunk.length;
    noteGiven(sent);
    await stream.write(chunk);
  }
}
