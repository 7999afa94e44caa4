/**
 * Go's own core in this process: the WebAssembly of `@siafoundation/sdk` (go.sia.tech/core v0.18.1, built by Go
 * 1.24.3). The package's entry points are made for bundlers and do not load in Node, but the two files that {@link
 * startGoCore} loads do.
 */
import { createRequire } from "node:module";

/** The answer of a Go encoder; `rpc` has the bytes of a whole message. */
export interface Encoded {
  readonly rpc?: Uint8Array;
  readonly error?: string;
}

export interface Decoded<Data> {
  readonly data?: Data;
  readonly error?: string;
}

/** Amounts are decimal text, keys have `ed25519:` before them, times are RFC 3339, heights and lengths are doubles. */
export interface GoPrices {
  readonly contractPrice: string;
  readonly collateral: string;
  readonly storagePrice: string;
  readonly ingressPrice: string;
  readonly egressPrice: string;
  readonly freeSectorPrice: string;
  readonly tipHeight: number;
  readonly validUntil: string;
  readonly signature: string;
}

export interface GoToken {
  readonly hostKey: string;
  readonly account: string;
  readonly validUntil: string;
  readonly signature: string;
}

interface GoPayment {
  readonly prices: GoPrices;
  readonly token: GoToken;
}

export interface GoSettings {
  readonly protocolVersion: string;
  readonly release: string;
  readonly walletAddress: string;
  readonly acceptingContracts: boolean;
  readonly maxCollateral: string;
  readonly maxContractDuration: number;
  readonly remainingStorage: number;
  readonly totalStorage: number;
  readonly prices: GoPrices;
}

interface Messages {
  readonly SettingsResponse: { readonly settings: GoSettings };
  readonly ReadSectorRequest: GoPayment & {
    readonly root: string;
    readonly offset: number;
    readonly length: number;
  };
  readonly ReadSectorResponse: { readonly proof: readonly string[] | null; readonly dataLength: number };
  readonly WriteSectorRequest: GoPayment & { readonly dataLength: number };
  readonly WriteSectorResponse: { readonly root: string };
}

export type GoCodecs = {
  readonly [Name in keyof Messages as `encode${Name}`]: (data: Messages[Name]) => Encoded;
} & {
  /** Accepts a plain Uint8Array; a Buffer makes Go panic. */
  readonly [Name in keyof Messages as `decode${Name}`]: (bytes: Uint8Array) => Decoded<Messages[Name]>;
};

export interface GoCore {
  readonly rhp: GoCodecs;
  readonly wallet: {
    generateSeedPhrase(): { readonly phrase: string };
    /** A private key is written in hexadecimal: its seed, then its public key. */
    keyPairFromSeedPhrase(phrase: string, index: number): { readonly privateKey: string };
    signHash(privateKey: string, hash: string): { readonly signature: string };
  };
}

interface GoProgram {
  readonly importObject: unknown;
  run(instance: unknown): Promise<void>;
}

/**
 * Once started, Go's scheduler keeps the process alive. In tests this does no harm, because the test runner ends its
 * worker processes anyway.
 */
export async function startGoCore(): Promise<GoCore> {
  const require = createRequire(import.meta.url);
  const files = "@siafoundation/sdk/libs/sdk/src";
  require(`${files}/utils/wasm_exec.cjs.js`);
  const instantiate = require(`${files}/resources/sdk.wasm.cjs.js`) as (
    imports: unknown,
  ) => Promise<{ readonly instance: unknown }>;
  const globals = globalThis as unknown as { readonly Go: new () => GoProgram; readonly sia: GoCore };
  const go = new globals.Go();
  const { instance } = await instantiate(go.importObject);
  void go.run(instance);
  return globals.sia;
}
