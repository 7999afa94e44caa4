/**
 * Who may ask what, before anything else of a request is looked at:
 *
 *   Host          names this server, always
 *   password      by Basic, or the token instead; only where the server listens beyond loopback, and not for health checks
 *   Origin        is this server's, for what writes
 *   token         by Bearer, for what writes
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
  /** Null: none is needed. */
  readonly passwordHash: Secret<string> | null;
}

/** What a load balancer asks, without any secret. */
export const HEALTH_PATHS: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
const READS: ReadonlySet<string> = new Set(["GET", "HEAD"]);
/** Guesses of one address, and of all together, in a minute. */
const MOST_TRIES = 10;
const MOST_TRIES_OF_ALL = 60;
const TRY_WINDOW_MS = 60_000;

/** Register @fastify/rate-limit before. */
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
    // One address that is over its own limit uses up nothing of the others'.
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
      // Not Basic: a browser would ask for a password.
      reply.header("www-authenticate", 'Bearer realm="slabmend"');
      throw tokenMissing();
    }
  });
}

/** An IPv6 customer has 2^64 addresses. */
function addressKey(ip: string): string {
  return isIPv6(ip) && !ip.includes(".") ? ip.split(":").slice(0, 4).join(":") : ip;
}

const hostNotOurs = () =>
  new ServerError({
    status: 421,
    code: "host-not-ours",
    name: "header Host",
    expected: "an address of this server, localhost, or a name of --allow-host",
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
    remedy: "Use the console that this server serves; a proxy has to pass on the header Host.",
  });

const tokenMissing = () =>
  new ServerError({
    status: 401,
    code: "token-missing",
    name: "header Authorization",
    expected: "Bearer and the token, for what changes something",
    got: "none or another",
    remedy: "Read the token from the file that serve named in its log when it started.",
  });

function refusePassword(verdict: "missing" | "wrong" | "limited" | "busy"): ServerError {
  const isLimited = verdict === "limited" || verdict === "busy";
  return new ServerError({
    status: isLimited ? 429 : 401,
    code: isLimited ? "too-many-requests" : verdict === "missing" ? "password-missing" : "password-wrong",
    name: "password",
    expected: isLimited ? `at most ${MOST_TRIES} tries a minute` : "the one of serve --set-password",
    got: isLimited ? "more" : verdict === "missing" ? "none" : "another",
    remedy: isLimited ? "Wait a minute." : "Give the password; any user name will do.",
  });
}
