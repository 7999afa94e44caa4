import { type AccountSigner, type AccountToken, createAccountToken } from "../rhp4/account-token.ts";
import type { HostKey } from "../slab/ids.ts";

/** A token is used only for this share of its validity, because it expires earlier on a host whose clock is ahead. */
const USED_FRACTION = 0.2;

/** Keeps our token for each host: signing a token costs 0.1 ms, and it may be sent to its host any number of times. */
export class AccountTokens {
  readonly #signer: AccountSigner;
  readonly #validMs: number;
  readonly #tokens = new Map<HostKey, { readonly token: AccountToken; readonly signedAtMs: number }>();

  constructor(signer: AccountSigner, validMs: number) {
    this.#signer = signer;
    this.#validMs = validMs;
  }

  /** A token with at least four fifths of its validity left. */
  tokenFor(hostKey: HostKey, nowMs: number): AccountToken {
    const known = this.#tokens.get(hostKey);
    // If the clock was set back, the known token would be valid for longer than intended, so a new one is made.
    const ageMs = known === undefined ? 0 : nowMs - known.signedAtMs;
    if (known !== undefined && ageMs >= 0 && ageMs < this.#validMs * USED_FRACTION) return known.token;
    const token = createAccountToken(this.#signer, hostKey, nowMs + this.#validMs);
    this.#tokens.set(hostKey, { token, signedAtMs: nowMs });
    return token;
  }
}
