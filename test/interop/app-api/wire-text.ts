import * as v from "valibot";

/**
 * How indexd's API writes bytes: hashes and signatures in hexadecimal, keys in hexadecimal after `ed25519:`, the rest
 * in base64.
 */
export const keyText = (bytes: Uint8Array): string => `ed25519:${hexText(bytes)}`;
export const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
export const base64Text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

const hex = (lengthBytes: number) =>
  v.pipe(
    v.string(),
    v.regex(/^[0-9a-f]*$/),
    v.transform((text) => Buffer.from(text, "hex")),
    v.length(lengthBytes),
  );

export const Hash = hex(32);
export const Signature = hex(64);
export const Key = v.pipe(
  v.string(),
  v.startsWith("ed25519:"),
  v.transform((text) => text.slice("ed25519:".length)),
  Hash,
);
export const Base64 = v.pipe(
  v.string(),
  v.base64(),
  v.transform((text) => Buffer.from(text, "base64")),
);
export const Count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 32 - 1));
