import { HandshakeError } from "./siamux-error.ts";
import {
  MAX_MAX_TIMEOUT_MS,
  MAX_PACKET_BYTES,
  MIN_MAX_TIMEOUT_MS,
  MIN_PACKET_BYTES,
  SETTINGS_BYTES,
} from "./wire-format.ts";

/** The settings that both sides agree on for one connection. */
export interface ConnectionSettings {
  readonly packetSizeBytes: number;
  readonly maxTimeoutMs: number;
}

export function encodeSettings(settings: ConnectionSettings): Buffer {
  const bytes = Buffer.alloc(SETTINGS_BYTES);
  bytes.writeUInt32LE(settings.packetSizeBytes, 0);
  bytes.writeUInt32LE(settings.maxTimeoutMs, 4);
  return bytes;
}

/** `bytes` are the 8 bytes of a settings message; mergeSettings checks their values. */
export function decodeSettings(bytes: Buffer): ConnectionSettings {
  return { packetSizeBytes: bytes.readUInt32LE(0), maxTimeoutMs: bytes.readUInt32LE(4) };
}

/**
 * Takes the smaller of both sides' values of each setting. Throws `unacceptable-settings` if a result is outside the
 * protocol's bounds.
 */
export function mergeSettings(ours: ConnectionSettings, theirs: ConnectionSettings): ConnectionSettings {
  const packetSizeBytes = Math.min(ours.packetSizeBytes, theirs.packetSizeBytes);
  const maxTimeoutMs = Math.min(ours.maxTimeoutMs, theirs.maxTimeoutMs);
  assertWithin("packet size in bytes", packetSizeBytes, MIN_PACKET_BYTES, MAX_PACKET_BYTES);
  assertWithin("maximum timeout in ms", maxTimeoutMs, MIN_MAX_TIMEOUT_MS, MAX_MAX_TIMEOUT_MS);
  return { packetSizeBytes, maxTimeoutMs };
}

function assertWithin(name: string, value: number, least: number, most: number): void {
  if (value >= least && value <= most) return;
  throw new HandshakeError({
    code: "unacceptable-settings",
    message: `siamux ${name}: expected ${least}..${most}, got ${value}`,
    remedy: "The peer asks for settings that the protocol forbids: use another host.",
    details: { value },
  });
}
