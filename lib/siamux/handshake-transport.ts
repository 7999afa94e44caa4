import type { Duplex } from "node:stream";
import type { MuxClock } from "./mux.ts";
import { HandshakeError, type HandshakeErrorCode } from "./siamux-error.ts";

export interface HandshakeLimits {
  readonly clock: MuxClock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The transport as both sides of the handshake use it. */
export interface HandshakeTransport {
  write(bytes: Uint8Array): void;
  /** Reads exactly this many bytes; later bytes stay in the transport. */
  read(lengthBytes: number): Promise<Buffer>;
}

/**
 * Runs a handshake over a duplex with a deadline and an abort signal. On any failure the duplex is destroyed and the
 * error thrown. On success our listeners are removed and nothing is read beyond the handshake; the caller must then
 * attach its listeners before awaiting anything else.
 */
export async function withHandshakeTransport<Result>(
  duplex: Duplex,
  limits: HandshakeLimits,
  handshake: (transport: HandshakeTransport) => Promise<Result>,
): Promise<Result> {
  const { signal, timeoutMs } = limits;
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  const onError = (cause: Error) =>
    fail(failure("handshake-connection-lost", "the connection failed", cause));
  const onGone = () => fail(failure("handshake-connection-lost", "the peer closed the connection"));
  const onAbort = () => fail(failure("handshake-aborted", "aborted", signal?.reason));
  const onLate = () => fail(failure("handshake-timed-out", `not complete after ${timeoutMs} ms`));
  const reader = exactReader(duplex);
  const writer = coalescingWriter(duplex);
  const cancelTimer = limits.clock.startTimer(onLate, timeoutMs);
  duplex.on("error", onError).on("close", onGone).on("end", onGone);
  signal?.addEventListener("abort", onAbort);
  try {
    if (signal?.aborted) onAbort();
    else if (duplex.destroyed || duplex.readableEnded) onGone();
    else {
      const read = (lengthBytes: number) => Promise.race([failed, reader.read(lengthBytes)]);
      return await Promise.race([failed, handshake({ write: writer.write, read })]);
    }
    return await failed;
  } catch (error) {
    writer.flush();
    duplex.on("error", () => {});
    duplex.destroy();
    throw error;
  } finally {
    cancelTimer();
    reader.stop();
    duplex.off("error", onError).off("close", onGone).off("end", onGone);
    signal?.removeEventListener("abort", onAbort);
  }
}

/**
 * Reads exact numbers of bytes from a duplex. Uses the event `data`, as the later connection does: if a socket
 * reads into packet memory, no other event announces its bytes. The duplex is paused while no bytes are needed; at the
 * end, bytes beyond the handshake are put back into the duplex.
 */
function exactReader(duplex: Duplex) {
  let held = Buffer.alloc(0);
  let wantedBytes = 0;
  let wake = () => {};
  const onData = (chunk: Buffer) => {
    // Copied, because the next chunk may reuse the memory.
    held = Buffer.concat([held, chunk]);
    if (held.length < wantedBytes) return;
    duplex.pause();
    wake();
  };
  duplex.on("data", onData);
  return {
    async read(lengthBytes: number): Promise<Buffer> {
      wantedBytes = lengthBytes;
      if (held.length < lengthBytes) {
        const arrived = new Promise<void>((resolve) => {
          wake = resolve;
        });
        duplex.resume();
        await arrived;
      }
      const bytes = held.subarray(0, lengthBytes);
      held = held.subarray(lengthBytes);
      return bytes;
    },
    stop(): void {
      duplex.off("data", onData);
      duplex.pause();
      if (held.length > 0 && !duplex.destroyed) duplex.unshift(held);
    },
  };
}

/** Combines the writes of one tick: otherwise the acceptor's version byte would need a TCP segment of its own. */
function coalescingWriter(duplex: Duplex) {
  let isCorked = false;
  const flush = () => {
    if (isCorked) duplex.uncork();
    isCorked = false;
  };
  return {
    flush,
    write(bytes: Uint8Array): void {
      if (!isCorked) {
        isCorked = true;
        duplex.cork();
        process.nextTick(flush);
      }
      duplex.write(bytes);
    },
  };
}

function failure(code: HandshakeErrorCode, what: string, cause?: unknown): HandshakeError {
  const remedy = "Try the host's other addresses, or another host.";
  return new HandshakeError({ code, message: `siamux handshake: ${what}`, remedy, cause });
}
