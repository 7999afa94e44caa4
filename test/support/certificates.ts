/** Makes valid and invalid X.509 certificates for tests on demand, so that none expires. RFC 5280, in DER. */
import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

export interface Certificate {
  /** PEM */
  readonly cert: string;
  readonly key: KeyObject;
  readonly name: string;
}

export interface CertificateOptions {
  /** The host name that the certificate is for. */
  readonly name: string;
  readonly isAuthority?: boolean;
  /** Default: self-signed. */
  readonly issuer?: Certificate;
  /** The certificate is valid from an hour before this time until an hour after it. Default: now. */
  readonly validAtMs?: number;
}

const HOUR_MS = 3_600_000;

export function makeCertificate(options: CertificateOptions): Certificate {
  const { name, isAuthority = false, issuer, validAtMs = Date.now() } = options;
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = seq(oid("1.2.840.10045.4.3.2"));
  const content = seq(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(issuer?.name ?? name),
    seq(time(validAtMs - HOUR_MS), time(validAtMs + HOUR_MS)),
    commonName(name),
    publicKey.export({ type: "spki", format: "der" }),
    der(
      0xa3,
      seq(
        extension("2.5.29.19", isAuthority ? seq(der(0x01, Buffer.from([0xff]))) : seq()),
        extension("2.5.29.17", seq(der(0x82, Buffer.from(name)))),
      ),
    ),
  );
  const signature = sign("sha256", content, issuer?.key ?? privateKey);
  const bytes = seq(content, algorithm, der(0x03, Buffer.concat([Buffer.from([0]), signature])));
  const lines = bytes
    .toString("base64")
    .match(/.{1,64}/g)!
    .join("\n");
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey,
    name,
  };
}

function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head =
    length < 0x80
      ? [tag, length]
      : length < 0x100
        ? [tag, 0x81, length]
        : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

const seq = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts));

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split(".").map(Number);
  const bytes = [first! * 40 + second!];
  for (const arc of rest) {
    const digits = [arc & 0x7f];
    for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80);
    bytes.push(...digits);
  }
  return der(0x06, Buffer.from(bytes));
}

const commonName = (name: string): Buffer =>
  seq(der(0x31, seq(oid("2.5.4.3"), der(0x0c, Buffer.from(name)))));

/** UTCTime: yymmddhhmmssZ */
const time = (ms: number): Buffer =>
  der(
    0x17,
    Buffer.from(
      `${new Date(ms)
        .toISOString()
        .replace(/[-:T]|\.\d+/g, "")
        .slice(2)}`,
    ),
  );

const extension = (id: string, value: Buffer): Buffer => seq(oid(id), der(0x04, value));
