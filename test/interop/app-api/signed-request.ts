import { hash256, verifyHash } from "../../../lib/rhp4/signing.ts";
import { AppApiError } from "./app-api-error.ts";

export interface SignedRequest {
  readonly method: string;
  readonly url: URL;
  readonly body: Uint8Array;
}

/** Query parameters that carry the signature: credential, signature, end of validity. */
const SIGNATURE_PARAMETERS = ["sc", "ss", "sv"] as const;

/**
 * Finds the signer of a request: Ed25519 over H(method ‖ host:port ‖ path ‖ u64 end in Unix seconds ‖ body). The query
 * is not signed.
 * @returns the signer's public key
 * @throws {AppApiError} 401
 */
export function requestSigner({ method, url, body }: SignedRequest, nowMs: number): Buffer {
  const [credential, signature, validUntil] = SIGNATURE_PARAMETERS.map((name) => url.searchParams.get(name));
  if (!credential || !signature || !validUntil) throw new AppApiError(401, "the request is not signed");
  const key = Buffer.from(credential, "base64url");
  if (key.length !== 32 || !/^[0-9]{1,12}$/.test(validUntil)) {
    throw new AppApiError(401, "the signature's parameters are malformed");
  }
  if (Number(validUntil) * 1_000 < nowMs) throw new AppApiError(401, "the signature has expired");
  const until = Buffer.alloc(8);
  until.writeBigUInt64LE(BigInt(validUntil));
  const signed = Buffer.concat([Buffer.from(method + url.host + url.pathname), until, body]);
  if (!verifyHash(hash256(signed), key, Buffer.from(signature, "base64url"))) {
    throw new AppApiError(401, "the signature is wrong");
  }
  return key;
}
