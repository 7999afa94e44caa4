// The constants of siamux v3, from docs/protocol.md#siamux-v3.

/** The version that we use. Peers of this or a later version support it. */
export const PROTOCOL_VERSION = 3;

export const PUBLIC_KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;
export const TAG_BYTES = 16;

/** The settings of one side: a u32 packet size, and a u32 maximum timeout in milliseconds. */
export const SETTINGS_BYTES = 8;
export const SEALED_SETTINGS_BYTES = SETTINGS_BYTES + TAG_BYTES;

/** The acceptor's part of the handshake: one-time key, signature, sealed settings. */
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
/** Ids wrap around at this value. */
export const STREAM_ID_LIMIT = 0xffff_ffff >>> 2;

/** Three times the payload of an Ethernet frame over IPv6 and TCP. */
export const DEFAULT_PACKET_BYTES = 3 * 1440;
export const MIN_PACKET_BYTES = 1220;
export const MAX_PACKET_BYTES = 32_768;

export const DEFAULT_MAX_TIMEOUT_MS = 20 * 60_000;
export const MIN_MAX_TIMEOUT_MS = 2 * 60_000;
export const MAX_MAX_TIMEOUT_MS = 2 * 60 * 60_000;

/** A side that has written nothing for this fraction of the maximum timeout sends a keepalive. */
export const KEEPALIVE_FRACTION = 0.75;
/**
 * When this many keepalives in a row are due, the last of them is not sent: the connection is closed instead.
 */
export const KEEPALIVE_ATTEMPTS_TO_CLOSE = 4;

/** A sector with the longest proof and message framing that RHP4 sends with it. */
export const SECTOR_WITH_FRAMING_BYTES = 4_194_304 + 65_536;

/** The Go peer tolerates 999 stray frames of one stream, large or small; the next frame ends the connection. */
const FATAL_STRAY_FRAMES = 1_000;

/**
 * The number of stray frames on one id that ends the connection: the Go peer's number, or more if packets are small. In
 * small packets a sector has more frames than the Go peer tolerates. If the sector's read is cancelled, all of these
 * frames may be stray, and must be tolerated.
 */
export const fatalStrayFrames = (packetSizeBytes: number): number =>
  Math.max(FATAL_STRAY_FRAMES, Math.ceil(SECTOR_WITH_FRAMING_BYTES / maxPayloadBytes(packetSizeBytes)) + 1);

/** Decrypted bytes of a packet. */
export const packetPlainBytes = (packetSizeBytes: number): number => packetSizeBytes - TAG_BYTES;

/** Maximum payload of a frame, so that a whole frame fits one packet; 4296 by default. */
export const maxPayloadBytes = (packetSizeBytes: number): number =>
  packetSizeBytes - TAG_BYTES - FRAME_HEADER_BYTES;
