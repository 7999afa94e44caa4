import { takeToken } from "../view/route.ts";

const KEY = "slabmend-token";

/** The token for writes, kept while this tab is open. */
export const readToken = (): string | undefined => sessionStorage.getItem(KEY) ?? undefined;
export const keepToken = (token: string): void => sessionStorage.setItem(KEY, token);
export const forgetToken = (): void => sessionStorage.removeItem(KEY);

/** Moves the token from the address bar, where others could read it, into this tab's storage. */
export function keepTokenOfAddress(): void {
  const taken = takeToken(location.hash);
  if (taken === undefined) return;
  keepToken(taken.token);
  history.replaceState(null, "", `${location.pathname}${taken.rest}`);
}
