/** A proxy in front of a database that ends the connection at one exact packet, in one of several ways. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/**
 * `terminate`: the server ends its backend with the reason 57P01 and closes the connection; `close`: FIN; `reset`: RST.
 * The request or answer to which the chosen packet belongs is lost.
 */
export type HowItEnds = "terminate" | "close" | "reset";

export interface EndingProxy {
  readonly url: string;
  /** Number of accepted connections. */
  readonly accepted: number;
  /** Number of packets in both directions since the last `endAt`. */
  readonly packets: number;
  /** Ends the connection that carries the given packet, counted from now on; 0 is the next packet. */
  endAt(packet: number, how: HowItEnds): void;
  /** Closes the connection on which a client sends this text: before the server gets it, or instead of the answer. */
  endAtText(text: string, lost: "statement" | "answer"): void;
  /** Cancels a planned end. @returns whether the proxy has already ended the connection */
  take(): boolean;
  stop(): Promise<void>;
}

/** @param terminate makes the server end this proxy's backends; resolves when they have ended */
export async function startEndingProxy(url: string, terminate: () => Promise<void>): Promise<EndingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let accepted = 0;
  let packets = 0;
  let plan: { packet: number; how: HowItEnds } | undefined;
  let textPlan: { text: string; lost: "statement" | "answer" } | undefined;
  let hasEnded = false;

  const server = createServer((client) => {
    accepted += 1;
    const upstream = connect(Number(target.port), target.hostname);
    // Packets are passed on one at a time, in order of arrival.
    let turn: Promise<void> = Promise.resolve();
    let isOver = false;
    const pass = async (bytes: Buffer, to: Socket): Promise<void> => {
      if (isOver) return;
      if (to === upstream && textPlan !== undefined && bytes.includes(textPlan.text)) {
        const { lost } = textPlan;
        textPlan = undefined;
        if (lost === "answer") {
          upstream.write(bytes);
          await new Promise((resolve) => upstream.once("data", resolve));
        }
        hasEnded = true;
        isOver = true;
        upstream.destroy();
        client.destroy();
        return;
      }
      const isLast = plan !== undefined && packets === plan.packet;
      packets += 1;
      if (!isLast) return void to.write(bytes);
      const { how } = plan!;
      plan = undefined;
      hasEnded = true;
      if (how === "terminate") {
        await terminate();
        // `terminate` finds backends by their names. A backend without a name, which is still starting, is not ended,
        // and needs this packet to continue.
        return void to.write(bytes);
      }
      isOver = true;
      upstream.destroy();
      if (how === "reset") client.resetAndDestroy();
      else client.end();
    };
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      from.on("error", () => {});
      from.on("data", (bytes) => {
        turn = turn.then(() => pass(bytes, to));
      });
      from.on("close", () => {
        sockets.delete(from);
        turn = turn.then(() => void (isOver || to.end()));
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const through = new URL(url);
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    get accepted() {
      return accepted;
    },
    get packets() {
      return packets;
    },
    endAt(packet, how) {
      plan = { packet, how };
      packets = 0;
      hasEnded = false;
    },
    endAtText(text, lost) {
      textPlan = { text, lost };
      hasEnded = false;
    },
    take() {
      plan = undefined;
      textPlan = undefined;
      return hasEnded;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
