import type { Duplex } from "node:stream";
import {
  concat,
  ReferenceDirection,
  type ReferenceFrame,
  ReferenceFrameReader,
  type ReferenceRole,
  referenceKey,
  referencePlainPackets,
  referencePublic,
  referenceSign,
} from "./reference.ts";

const PACKET_BYTES = 4320;
const OUR_KEY = new Uint8Array(32).fill(5);

/** The raw peer's deviations from a correct handshake. */
export interface RawHandshake {
  readonly version?: number;
  readonly publicKey?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly packetSizeBytes?: number;
  readonly maxTimeoutMs?: number;
  readonly sealedSettings?: Uint8Array;
  readonly stopAfterBytes?: number;
}

/** A peer built on the reference implementation. It can also send invalid data. */
export class RawPeer {
  readonly duplex: Duplex;
  readonly #role: ReferenceRole;
  #received = Buffer.alloc(0);
  #wake = () => {};
  #packetSizeBytes = PACKET_BYTES;
  #sealer = new ReferenceDirection(new Uint8Array(32), "dialer");
  #opener = new ReferenceDirection(new Uint8Array(32), "dialer");
  readonly #reader = new ReferenceFrameReader();
  hasEnded = false;

  constructor(duplex: Duplex, role: ReferenceRole) {
    this.duplex = duplex;
    this.#role = role;
    const ended = () => {
      this.hasEnded = true;
      this.#wake();
    };
    duplex.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake();
    });
    duplex.on("end", ended).on("close", ended).on("error", ended);
  }

  /** The acceptor's side of the handshake. */
  async accept(identitySeed: Uint8Array, how: RawHandshake = {}): Promise<void> {
    const hello = await this.#take(33);
    this.duplex.write(Uint8Array.of(how.version ?? 3));
    const theirs = Uint8Array.from(hello.subarray(1));
    const ours = how.publicKey ?? referencePublic(OUR_KEY);
    this.#useKey(referenceKey(OUR_KEY, theirs, ours, theirs), how);
    const signature = how.signature ?? referenceSign(concat([theirs, ours]), identitySeed);
    const reply = concat([ours, signature, how.sealedSettings ?? this.#sealer.seal(settingsBytes(how))]);
    this.duplex.write(reply.subarray(0, how.stopAfterBytes ?? reply.length));
    if (how.stopAfterBytes === undefined) this.#opener.open(await this.#take(24));
  }

  /** The dialer's side of the handshake. If `pipelined`, version and key are sent together. */
  async dial(how: RawHandshake & { readonly pipelined?: boolean } = {}): Promise<void> {
    const ours = how.publicKey ?? referencePublic(OUR_KEY);
    const version = Uint8Array.of(how.version ?? 3);
    if (how.pipelined ?? true) this.duplex.write(concat([version, ours]));
    else this.duplex.write(version);
    await this.#take(1);
    if (!(how.pipelined ?? true)) this.duplex.write(ours);
    const reply = await this.#take(120);
    const theirs = Uint8Array.from(reply.subarray(0, 32));
    this.#useKey(referenceKey(OUR_KEY, ours, theirs, theirs), how);
    this.#opener.open(Uint8Array.from(reply.subarray(96)));
    this.duplex.write(how.sealedSettings ?? this.#sealer.seal(settingsBytes(how)));
  }

  /** Sends frames as one flush. */
  sendFrames(frames: readonly ReferenceFrame[], filler: "zeros" | "covert" = "zeros"): void {
    for (const plain of referencePlainPackets(frames, this.#packetSizeBytes, filler)) this.sendPlain(plain);
  }

  /** Seals and sends one packet's plaintext. */
  sendPlain(plain: Uint8Array): void {
    this.duplex.write(this.#sealer.seal(plain));
  }

  /** Sends raw bytes. */
  sendRaw(bytes: Uint8Array): void {
    this.duplex.write(bytes);
  }

  seal(plain: Uint8Array): Uint8Array {
    return this.#sealer.seal(plain);
  }

  /** Resolves with all received frames as soon as they satisfy the condition. Rejects if the connection ends first. */
  async framesWhen(condition: (frames: readonly ReferenceFrame[]) => boolean): Promise<ReferenceFrame[]> {
    for (;;) {
      const frames = this.frames();
      if (condition(frames)) return frames;
      if (this.hasEnded) throw new Error(`the connection ended with ${frames.length} frames received`);
      await this.#nextEvent();
    }
  }

  /** All complete frames received so far; an incomplete frame at the end waits for its rest. */
  frames(): ReferenceFrame[] {
    while (this.#received.length >= this.#packetSizeBytes) {
      const sealed = Uint8Array.from(this.#received.subarray(0, this.#packetSizeBytes));
      this.#received = this.#received.subarray(this.#packetSizeBytes);
      this.#reader.readPacket(this.#opener.open(sealed));
    }
    return [...this.#reader.frames];
  }

  async whenEnded(): Promise<void> {
    while (!this.hasEnded) await this.#nextEvent();
  }

  #useKey(key: Uint8Array, how: RawHandshake): void {
    this.#packetSizeBytes = Math.min(how.packetSizeBytes ?? PACKET_BYTES, PACKET_BYTES);
    this.#sealer = new ReferenceDirection(key, this.#role);
    this.#opener = new ReferenceDirection(key, this.#role === "dialer" ? "acceptor" : "dialer");
  }

  async #take(lengthBytes: number): Promise<Buffer> {
    while (this.#received.length < lengthBytes) {
      if (this.hasEnded) throw new Error("the connection ended in the handshake");
      await this.#nextEvent();
    }
    const taken = this.#received.subarray(0, lengthBytes);
    this.#received = this.#received.subarray(lengthBytes);
    return taken;
  }

  #nextEvent(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function settingsBytes(how: RawHandshake): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, how.packetSizeBytes ?? PACKET_BYTES, true);
  view.setUint32(4, how.maxTimeoutMs ?? 1_200_000, true);
  return bytes;
}
