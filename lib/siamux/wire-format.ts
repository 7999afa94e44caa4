// The numbers of siamux v3, as docs/protocol.md "siamux" states them.

/** Our version; a peer that names this or a later one speaks it. */
export const PROTOCOL_VERSION = 3;

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const TAG_BYTES = 16;
export const NONCE_BYTES = 12;

/** u32 packet size, u32 maximum timeout in milliseconds. */
export const SETTINGS_BYTES = 8;
export const SEALED_SETTINGS_BYTES = SETTINGS_BYTES + TAG_BYTES;

/** The acceptor's half of the handshake: its one-time key, its signature, its sealed settings. */
export const HANDSHAKE_REPLY_BYTES = PUBLIC_KEY_BYTES + SIGNATURE_BYTES + SEALED_SETTINGS_BYTES;

/** u32 id and marker bit, u16 payload length, u16 flags. */
export const FRAME_HEADER_BYTES = 8;

export const FLAG_FIRST = 1;
export const FLAG_LAST = 2;
export const FLAG_ERROR = 4;

/** Bit 0 of the byte at a frame boundary: set for a frame, clear for padding up to the end of the packet. */
export const FRAME_MARKER = 1;

export const KEEPALIVE_ID = 0;
/** Ids 1..255 are reserved. */
export const LOWEST_STREAM_ID = 256;
/** The next id wraps around when it reaches this. */
export const STREAM_ID_LIMIT = 0xffff_ffff >>> 2;

/** Three times what fits an Ethernet frame over IPv6 and TCP. */
export const DEFAULT_PACKET_BYTES = 3 * 1440;
export const MIN_PACKET_BYTES = 1220;
export const MAX_PACKET_BYTES = 32_768;

export const DEFAULT_MAX_TIMEOUT_MS = 20 * 60_000;
export const MIN_MAX_TIMEOUT_MS = 2 * 60_000;
export const MAX_MAX_TIMEOUT_MS = 2 * 60 * 60_000;

/** A side that has written nothing for this part of the maximum timeout writes a keepalive. */
export const KEEPALIVE_FRACTION = 0.75;
/** The attempt in a row that closes the connection instead of sending a keepalive. */
export const KEEPALIVE_ATTEMPTS_TO_CLOSE = 4;

/** Decrypted bytes of a packet. */
export const packetPlainBytes = (packetSizeBytes: number): number => packetSizeBytes - TAG_BYTES;

/** Most payload of a frame, so that a whole frame fits one packet; 4296 by default. */
export const maxPayloadBytes = (packetSizeBytes: number): number =>
  packetSizeBytes - TAG_BYTES - FRAME_HEADER_BYTES;

/** Of the public implementations, at any packet size: 999 are tolerated, and a sector is 977 full frames of the default size. */
const FATAL_STRAY_FRAMES = 1000;

/**
 * The stray frame on one id that ends the connection. In small packets a sector is more frames than the public limit; as many bytes are
 * tolerated as in packets of the default size, so that a read that we gave up does not end the connection of an honest host.
 */
export const fatalStrayFrames = (packetSizeBytes: number): number =>
  Math.max(
    FATAL_STRAY_FRAMES,
    Math.ceil(
      (FATAL_STRAY_FRAMES * maxPayloadBytes(DEFAULT_PACKET_BYTES)) / maxPayloadBytes(packetSizeBytes),
    ),
  );
