import type { Finding } from "./search-secrets.ts";

/** Secrets that the output contains by design: each entry allows one kind of secret in one kind of place. */
const ALLOWED: readonly { readonly secret: RegExp; readonly where: RegExp; readonly why: string }[] = [
  {
    secret: /^migration seed$/,
    where: /^stdout of slabmend derive-seed(, in ".*")?$/,
    why: "It is what the command is for; standard error is searched.",
  },
  {
    secret: /^slab key$/,
    where: /^HTTP (request POST \/slabs|answer to GET \/objects)[/?]/,
    why: "An owner gives indexd the keys of their slabs and gets them back: test/interop/app-api plays that.",
  },
  {
    secret: /^signature, as of an account token$/,
    where: /^HTTP (request POST|answer to GET) \/objects[/?]/,
    why: "An object carries its owner's signatures, which test/interop/app-api verifies.",
  },
];

export function isAllowed({ secret, where }: Finding): boolean {
  return ALLOWED.some((place) => place.secret.test(secret) && place.where.test(where));
}
