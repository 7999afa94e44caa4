import type { Finding } from "./search-secrets.ts";

/** Where a secret stands by design: that secret, in that place, and no other. */
const ALLOWED: readonly { readonly secret: RegExp; readonly where: RegExp; readonly why: string }[] = [
  {
    secret: /^migration seed$/,
    where: /^stdout of slabmend derive-seed(, in ".*")?$/,
    why: "It is what the command is for; standard error is searched.",
  },
];

export function isAllowed({ secret, where }: Finding): boolean {
  return ALLOWED.some((place) => place.secret.test(secret) && place.where.test(where));
}
