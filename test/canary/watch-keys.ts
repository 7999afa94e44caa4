/**
 * Records secrets where they are used: every private key passed to node:crypto (migration seeds, keys of hosts and
 * connections), every signature made or verified (account tokens), and every password of a database connection.
 */
import crypto, { type KeyObject } from "node:crypto";
import { syncBuiltinESMExports } from "node:module";
import { recordSecret } from "./recorder.ts";

const ED25519_SIGNATURE_BYTES = 64;

/** Call it once, before the code under test is used. */
export function watchKeys(): void {
  const { createPrivateKey, sign, verify, pbkdf2Sync } = crypto;
  Object.assign(crypto, {
    createPrivateKey(...args: Parameters<typeof createPrivateKey>): KeyObject {
      const key = createPrivateKey(...args);
      const { d } = key.export({ format: "jwk" });
      if (d !== undefined) recordSecret("private key or its seed", Buffer.from(d, "base64url"));
      return key;
    },
    sign(...args: Parameters<typeof sign>): unknown {
      const signature: unknown = sign(...args);
      recordSignature(signature);
      return signature;
    },
    verify(...args: Parameters<typeof verify>): unknown {
      recordSignature(args[3]);
      return verify(...args);
    },
    // The database client calls this function for SCRAM-SHA-256, with which all databases of the tests check passwords.
    pbkdf2Sync(...args: Parameters<typeof pbkdf2Sync>): Buffer {
      recordSecret("database password", args[0] as string);
      return pbkdf2Sync(...args);
    },
  });
  syncBuiltinESMExports();
}

function recordSignature(signature: unknown): void {
  if (signature instanceof Uint8Array && signature.length === ED25519_SIGNATURE_BYTES) {
    recordSecret("signature, as of an account token", signature);
  }
}
