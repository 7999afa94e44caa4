import { createHash, createHmac, pbkdf2Sync, randomBytes } from "node:crypto";
import type { ISql, Sql } from "postgres";
import type { Secret } from "../../secret/secret.ts";
import { type GrantOptions, grantBody } from "./grant-statements.ts";

export interface RoleFacts {
  /** A role with the requested name exists already. Workers may log in with its present password. */
  readonly exists: boolean;
  /** This login may create roles and owns the objects to be granted. PostgreSQL may still refuse. */
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
 * Creates the role with its privileges and this password, or nothing at all. Because the server may log statements, it
 * receives only a verifier of the password, as with psql's \password.
 * @throws PostgreSQL's error 42501 if the login lacks the privilege
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
 * In PostgreSQL's format: RFC 5803. The password is ASCII, so SASLprep changes nothing.
 * @param salt 16 bytes
 */
export function scramVerifier(password: Secret<string>, salt: Uint8Array): string {
  const salted = pbkdf2Sync(password.reveal(), salt, ITERATIONS, 32, "sha256");
  const key = (name: string) => createHmac("sha256", salted).update(name).digest();
  const stored = createHash("sha256").update(key("Client Key")).digest("base64");
  return `SCRAM-SHA-256$${ITERATIONS}:${Buffer.from(salt).toString("base64")}$${stored}:${key("Server Key").toString("base64")}`;
}
