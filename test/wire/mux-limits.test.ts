import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeSpecifier } from "../../lib/rhp4/framing.ts";
import { type RawHandshake, RawPeer } from "../siamux/raw-peer.ts";
import type { ReferenceFrame } from "../siamux/reference.ts";
import { splitAddress } from "./wire-client.ts";
import { type WireHosts, wirePeers } from "./wire-hosts.ts";

/**
 * Frames that end a connection, and frames that do not. The hosts are our own, or those that an environment variable
 * names (wire-hosts.ts).
 */

const FIRST = 1;
const LAST = 2;
const ERROR = 4;
const ID = 258;
const PROBE_ID = 256;

const settings = encodeSpecifier("Settings");
const text = (words: string): Uint8Array => Uint8Array.from(Buffer.from(words));
const frame = (id: number, flags: number, payload: Uint8Array = new Uint8Array(0)): ReferenceFrame => ({
  id,
  flags,
  payload,
});
const strays = (count: number): ReferenceFrame[] =>
  Array.from({ length: count }, () => frame(ID, 0, text("x")));

async function dial(
  address: string,
  how: RawHandshake & { readonly pipelined?: boolean } = {},
): Promise<RawPeer> {
  const { host, port } = splitAddress(address);
  const peer = new RawPeer(connect(port, host).setNoDelay(true), "dialer");
  await peer.dial(how);
  return peer;
}

/** Whether the host still answers a new RPC on this connection. */
async function survives(peer: RawPeer): Promise<"alive" | "ended"> {
  try {
    peer.sendFrames([frame(PROBE_ID, FIRST, settings)]);
    await peer.framesWhen((frames) => frames.some(({ id }) => id === PROBE_ID));
    return "alive";
  } catch {
    return "ended";
  }
}

describe.each(wirePeers(process.env))("$peers", ({ start }) => {
  let all: WireHosts;
  let address: string;
  beforeAll(async () => {
    all = await start();
    address = all.hosts.find(({ trait }) => trait === "ordinary")!.address;
  });
  afterAll(() => all?.stop());

  test.each<[string, RawHandshake & { readonly pipelined?: boolean }, "alive" | "ended"]>([
    ["version 0", { version: 0 }, "ended"],
    ["version 1", { version: 1 }, "ended"],
    ["version 2", { version: 2 }, "ended"],
    ["version 4", { version: 4 }, "alive"],
    ["version 255", { version: 255 }, "alive"],
    ["a key of low order", { publicKey: new Uint8Array(32) }, "ended"],
    ["packets of 1219 bytes", { packetSizeBytes: 1219 }, "ended"],
    ["packets of 1220 bytes", { packetSizeBytes: 1220 }, "alive"],
    ["packets larger than ours", { packetSizeBytes: 99_999 }, "alive"],
    ["a timeout below two minutes", { maxTimeoutMs: 119_999 }, "ended"],
    ["a timeout of two minutes", { maxTimeoutMs: 120_000 }, "alive"],
    ["a timeout longer than ours", { maxTimeoutMs: 4_294_967_295 }, "alive"],
    ["settings that cannot be decrypted", { sealedSettings: new Uint8Array(24) }, "ended"],
    ["version and key in separate writes", { pipelined: false }, "alive"],
  ])("handshake: %s", async (_what, how, expected) => {
    const outcome = await dial(address, how).then(
      async (peer) => {
        const found = await survives(peer);
        peer.duplex.destroy();
        return found;
      },
      () => "ended",
    );
    expect(outcome).toBe(expected);
  });

  test.each<[string, readonly ReferenceFrame[], "alive" | "ended"]>([
    ["a keepalive", [frame(0, 0)], "alive"],
    ["a keepalive with a payload", [frame(0, 0, text("x"))], "alive"],
    ["the lowest reserved id", [frame(1, FIRST, text("x"))], "ended"],
    ["the highest reserved id", [frame(255, FIRST, text("x"))], "ended"],
    ["a frame of a stream that was never opened", [frame(ID, 0, text("x"))], "ended"],
    ["the end of a stream that was never opened", [frame(ID, LAST)], "ended"],
    ["a stream that begins and ends in one frame", [frame(ID, FIRST | LAST)], "alive"],
    ["FIRST twice", [frame(ID, FIRST, text("Set")), frame(ID, FIRST, text("tings"))], "alive"],
    ["an empty first frame", [frame(ID, FIRST)], "alive"],
    ["an end with an error", [frame(ID, FIRST, text("abc")), frame(ID, LAST | ERROR, text("why"))], "alive"],
    ["ERROR without LAST", [frame(ID, FIRST, text("abc")), frame(ID, ERROR, text("why"))], "alive"],
    ["an end with a payload", [frame(ID, FIRST, text("abc")), frame(ID, LAST, text("why"))], "alive"],
    ["an unknown flag", [frame(ID, FIRST | 0x8000, settings)], "alive"],
    [
      "an id used again",
      [frame(ID, FIRST, text("abc")), frame(ID, LAST), frame(ID, FIRST, settings)],
      "alive",
    ],
    ["ids that fall", [frame(1000, FIRST, settings), frame(500, FIRST, settings)], "alive"],
    ["the highest id", [frame(0x7ffffffe, FIRST, settings)], "alive"],
    ["a full frame", [frame(ID, FIRST, new Uint8Array(4296))], "alive"],
    ["the longest length", [frame(ID, FIRST, new Uint8Array(65_535))], "ended"],
    ["many streams", Array.from({ length: 1000 }, (_, n) => frame(1000 + 2 * n, FIRST, text("S"))), "alive"],
  ])("%s", async (_what, frames, expected) => {
    const peer = await dial(address);
    peer.sendFrames(frames);
    expect(await survives(peer)).toBe(expected);
    peer.duplex.destroy();
  });

  test.each<[string, readonly ReferenceFrame[], "alive" | "ended"]>([
    ["one stray", strays(1), "alive"],
    ["999 strays", strays(999), "alive"],
    ["1000 strays", strays(1000), "ended"],
    ["our end", [frame(ID, LAST)], "alive"],
    ["998 stray frames and our end", [...strays(998), frame(ID, LAST)], "alive"],
    ["a new stream with its id", [frame(ID, FIRST, settings)], "alive"],
  ])("after the host closed a stream: %s", async (_what, frames, expected) => {
    const peer = await dial(address);
    peer.sendFrames([frame(ID, FIRST, settings)]);
    await peer.framesWhen((received) => received.some(({ id, flags }) => id === ID && (flags & LAST) !== 0));
    peer.sendFrames(frames);
    expect(await survives(peer)).toBe(expected);
    peer.duplex.destroy();
  });

  test.each<[string, (peer: RawPeer) => void, "alive" | "ended"]>([
    ["covert data in the padding", (peer) => peer.sendFrames([frame(0, 0)], "covert"), "alive"],
    ["a packet with only padding", (peer) => peer.sendPlain(new Uint8Array(4304)), "alive"],
    ["a packet with a bad tag", (peer) => peer.sendRaw(new Uint8Array(4320)), "ended"],
    [
      "a packet sent twice",
      (peer) => {
        const sealed = peer.seal(new Uint8Array(4304));
        peer.sendRaw(sealed);
        peer.sendRaw(sealed);
      },
      "ended",
    ],
  ])("%s", async (_what, send, expected) => {
    const peer = await dial(address);
    send(peer);
    expect(await survives(peer)).toBe(expected);
    peer.duplex.destroy();
  });
});
