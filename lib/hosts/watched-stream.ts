import type { RpcStream } from "../rhp4/rpc-stream.ts";

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
      await stream.readInto(target, onProgress);
      onProgress();
    },
    close: () => stream.close(),
    destroy: (cause) => stream.destroy(cause),
    get peerClosed() {
      return stream.peerClosed;
    },
    whenPeerCloses: stream.whenPeerCloses,
  };
}
