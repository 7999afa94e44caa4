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
  /** 64..4 MiB, a multiple of 64. On the host side: any number that the client sent. */
  readonly dataLength: bigint;
}

export const WRITE_SECTOR_REQUEST_BYTES = PAYMENT_BYTES + 8;

/** All of the request but the data, which follows raw. */
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
 * Bytes given to the stream at once: 16 full frames of siamux's default 4296. Stray frames after an early refusal are
 * counted by the host, which bears 999 of them; full frames keep even a whole sector below that.
 */
const SEND_BYTES = 16 * 4296;

export interface WriteSectorResult {
  /** What the host says it stored: the caller compares it with the root that it computed itself. */
  readonly root: Root;
}

/**
 * Stores `data`, padded by the host with zeros to a whole sector, for about three days. The answer is awaited while the
 * data goes out: a host that refuses early is not sent the rest, and its own error is what is thrown.
 * @param mayCharge called when the last of the data was given to the stream: from now on the host may charge for it
 */
export async function writeSector(
  stream: RpcStream,
  payment: Payment,
  data: Uint8Array,
  mayCharge: () => void = () => {},
): Promise<WriteSectorResult> {
  if (data.length === 0 || data.length > SECTOR_BYTES || data.length % LEAF_BYTES !== 0) {
    throw new InvalidRequestError(
      `data: expected a multiple of ${LEAF_BYTES} up to a sector, got ${data.length}`,
    );
  }
  const head = encodeWriteSectorRequest({ ...payment, dataLength: BigInt(data.length) });
  const progress: SendProgress = { allGiven: false, answered: false, ended: false };
  const receiving = readWriteSectorResponse(stream).finally(() => {
    progress.answered = true;
  });
  const sending = sendAll(stream, { head: encodeCall("WriteSector", head), data, mayCharge }, progress)
    // A failed send is never the news: the read fails too, with the host's reason if it gave one.
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
        "WriteSector: the host confirmed a sector it was not sent whole",
      );
    }
    await sending;
    stream.close();
    return { root };
  } catch (error) {
    // A write may be waiting for a host that reads no more: only destroying the stream frees it.
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
  // The head travels in the first chunk: alone it would be padded to a packet of its own.
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
