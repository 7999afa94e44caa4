/**
 * Access checks, made before the rest of a request is read:
 *
 *   Host          every request must name this server
 *   password      if the server listens beyond loopback, reads need the password (as Basic) or the token (as Bearer);
 *                 health checks need neither
 *   Origin        writes that a browser sends must come from this server's own pages
 *   token         writes need the token (as Bearer)
 */
import { isIPv6 } from "node:net";
import type {} from "@fastify/rate-limit";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Secret } from "../../secret/secret.ts";
import { ServerError } from "../server-error.ts";
import { isSameSecret } from "./access-token.ts";
import { basicPassword, bearerToken, PasswordGuard } from "./password-guard.ts";
import { type HostRules, isOurHost, isOurOrigin } from "./request-source.ts";

export interface AccessSettings {
  readonly hosts: HostRules;
  readonly token: Secret<string>;
  /** Null: no password is needed. */
  readonly passwordHash: Secret<string> | null;
}

/** Paths for load balancers, which have no secret. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
const READS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** Limits of password attempts per minute: for each address, and for all addresses together. */
const MOST_TRIES = 10;
const MOST_TRIES_OF_ALL = 60;
const TRY_WINDOW_MS = 60_000;

/** Requires @fastify/rate-limit to be registered first. */
export function addAccessChecks(server: FastifyInstance, settings: AccessSettings): void {
  const { hosts, token, passwordHash } = settings;
  const guard = passwordHash === null ? undefined : new PasswordGuard(passwordHash);
  const limitOne = server.createRateLimit({
    max: MOST_TRIES,
    timeWindow: TRY_WINDOW_MS,
    keyGenerator: ({ ip }) => `password:${addressKey(ip)}`,
  });
  const limitAll = server.createRateLimit({
    max: MOST_TRIES_OF_ALL,
    timeWindow: TRY_WINDOW_MS,
    keyGenerator: () => "password:all",
  });
  const mayTry = async (request: FastifyRequest): Promise<boolean> => {
    const one = await limitOne(request);
    // Attempts above an address's own limit do not count towards the common limit.
    if (!one.isAllowed && one.isExceeded) return false;
    const all = await limitAll(request);
    return all.isAllowed || !all.isExceeded;
  };
  const hasToken = (request: FastifyRequest): boolean => {
    const given = bearerToken(request.headers.authorization);
    return given !== undefined && isSameSecret(given, token.reveal());
  };

  server.addHook("onRequest", async (request, reply) => {
    const { host, origin, authorization } = request.headers;
    if (!isOurHost(host, hosts)) throw hostNotOurs();
    if (HEALTH_PATHS.has(request.url.split("?")[0] ?? "")) return;
    const writes = !READS.has(request.method);
    if (guard !== undefined && !writes && !hasToken(request)) {
      const password = basicPassword(authorization);
      const verdict = password === undefined ? "missing" : await guard.check(password, () => mayTry(request));
      if (verdict !== "right") {
        if (verdict === "limited" || verdict === "busy") reply.header("retry-after", TRY_WINDOW_MS / 1_000);
        else reply.header("www-authenticate", 'Basic realm="slabmend", charset="UTF-8"');
        throw refusePassword(verdict);
      }
    }
    if (!writes) return;
    if (!isOurOrigin(origin, host)) throw originNotOurs();
    if (!hasToken(request)) {
      // Not Basic, because a browser would then ask for a password.
      reply.header("www-authenticate", 'Bearer realm="slabmend"');
      throw tokenMissing();
    }
  });
}

/** Treats the IPv6 addresses of a /64 as one address, because a single customer usually has a whole /64. */
function addressKey(ip: string): string {
  return isIPv6(ip) && !ip.includes(".") ? ip.split(":").slice(0, 4).join(":") : ip;
}

const hostNotOurs = () =>
  new ServerError({
    status: 421,
    code: "host-not-ours",
    name: "header Host",
    expected: "an address of this server, localhost, or a name given by --allow-host",
    got: "another",
    remedy: "Use the address that serve printed, or start serve with --allow-host NAME.",
  });

const originNotOurs = () =>
  new ServerError({
    status: 403,
    code: "origin-not-ours",
    name: "header Origin",
    expected: "this server's own",
    got: "another",
    remedy: "Use this server's own console; a proxy must pass on the header Host.",
  });

const tokenMissing = () =>
  new ServerError({
    status: 401,
    code: "token-missing",
    name: "header Authorization",
    expected: "Bearer and the token, because the request changes something",
    got: "none or a wrong one",
    remedy: "Read the token from the file that serve names in its log at the start.",
  });

function refusePassword(verdict: "missing" | "wrong" | "limited" | "busy"): ServerError {
  const isLimited = verdict === "limited" || verdict === "busy";
  return new ServerError({
    status: isLimited ? 429 : 401,
    code: isLimited ? "too-many-requests" : verdict === "missing" ? "password-missing" : "password-wrong",
    name: "password",
    expected: isLimited ? `at most ${MOST_TRIES} tries a minute` : "the password set by serve --set-password",
    got: isLimited ? "more" : verdict === "missing" ? "none" : "another",
    remedy: isLimited ? "Wait a minute." : "Enter the password; the user name does not matter.",
  });
}
