import type { RpcStream } from "../rhp4/rpc-stream.ts";

/** Reads longer than this are done in pieces, so that a slow one can be told from one that stands still. */
const PIECE_BYTES = 262_144;

/** The same stream, telling whenever something moved on it. */
export function watchStream(stream: RpcStream, onProgress: () => void): RpcStream {
  return {
    async write(bytes) {
      await stream.write(bytes);
      onProgress();
    },
    async readExactly(length) {
      const bytes = await stream.readExactly(length);
      onProgress();
      return bytes;
    },
    async readInto(target) {
      for (let at = 0; at < target.length; at += PIECE_BYTES) {
        await stream.readInto(target.subarray(at, at + PIECE_BYTES));
        onProgress();
      }
    },
    close: () => stream.close(),
    destroy: (cause) => stream.destroy(cause),
    get peerClosed() {
      return stream.peerClosed;
    },
    whenPeerCloses: stream.whenPeerCloses,
  };
}
