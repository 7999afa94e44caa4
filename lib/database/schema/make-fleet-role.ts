import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { ISql, Sql } from "postgres";
import type { Secret } from "../../secret/secret.ts";
import { type GrantOptions, grantBody } from "./grant-statements.ts";

export interface RoleFacts {
  /** There is a role of this name, perhaps with workers that know its password. */
  readonly exists: boolean;
  /** This login may create roles and owns what the grants are about. PostgreSQL may refuse it all the same. */
  readonly mayMake: boolean;
}

/** Reads the catalogue only. */
export async function readRoleFacts(sql: ISql, role: string): Promise<RoleFacts> {
  const [row] = await sql<{ role_exists: boolean; may_make: boolean }[]>`
    select exists (select from pg_roles where rolname = ${role}) as role_exists,
      r.rolsuper or (r.rolcreaterole
        and coalesce((select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('public.slabs')), false)
        and coalesce((select pg_has_role(nspowner, 'usage') from pg_namespace where nspname = 'slabmend'), false)
      ) as may_make
    from pg_roles r where r.rolname = current_user`;
  return { exists: row!.role_exists, mayMake: row!.may_make };
}

/**
 * Makes the role with its rights and this password, or nothing of it. The server gets a verifier and never the password, as from
 * psql's \password: statements may be logged.
 * @throws PostgreSQL's 42501 when the login may not
 */
export async function makeFleetRole(
  sql: Sql,
  options: GrantOptions & { readonly password: Secret<string> },
): Promise<void> {
  const verifier = scramVerifier(options.password, randomBytes(16));
  await sql.begin(async (tx) => {
    await tx.unsafe(grantBody(options));
    await tx.unsafe(`alter role ${options.role} login password '${verifier}'`);
  });
}

/** PostgreSQL's own default. */
const ITERATIONS = 4_096;

/**
 * As PostgreSQL keeps it: RFC 5803. The password is ASCII, so that SASLprep changes nothing.
 * @param salt 16 bytes
 */
export function scramVerifier(password: Secret<string>, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password.reveal(), salt, ITERATIONS, 32, "sha256");
  const key = (name: string) => createHmac("sha256", salted).update(name).digest();
  const stored = createHash("sha256").update(key("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString("base64")}$${stored}:${key("Server Key").toString("base64")}`;
}
