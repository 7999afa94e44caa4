/**
 * Which parameters a database URL may have. The driver sends each unknown parameter to the server as a session setting:
 * the server refuses most of them (42704), and others would override the role's settings.
 */

/**
 * Parameters of the driver that the operator may set, and `connect_timeout`, which many hosted databases put into their
 * URLs.
 */
const TAKEN = ["sslmode", "ssl", "application_name", "connect_timeout", "target_session_attrs"] as const;

interface Refused {
  readonly names: readonly string[];
  /** Completes the sentence "expected …". */
  readonly expected: string;
}

/**
 * Known parameters of other clients and of PostgreSQL, with what to do about them. If a URL has a parameter that is
 * refused, messages name it only if it is in this list.
 */
const REFUSED: readonly Refused[] = [
  {
    names: ["channel_binding"],
    expected: "no channel_binding: leave it out, because sslmode=verify-full verifies the server",
  },
  {
    names: ["sslrootcert"],
    expected: "no sslrootcert: set the authorities in SLABMEND_DATABASE_CA",
  },
  {
    names: [
      ...[
        "pgbouncer",
        "schema",
        "connection_limit",
        "pool_timeout",
        "socket_timeout",
        "statement_cache_size",
      ],
      ...["sslaccept", "sslidentity", "supa", "workaround"],
    ],
    expected: "no parameter of Prisma or its pooler: leave it out",
  },
  {
    names: ["host", "hostaddr", "port", "user", "password", "dbname", "database", "service"],
    expected:
      "user, password, host, port and database before the ?, as in postgres://USER:PASSWORD@HOST:PORT/DATABASE",
  },
  {
    names: [
      ...["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"],
      ...["idle_session_timeout", "default_transaction_isolation", "default_transaction_read_only"],
      ...["search_path", "bytea_output", "timezone", "datestyle", "role", "session_authorization"],
      ...["session_replication_role", "client_encoding", "synchronous_commit", "options"],
    ],
    expected: "no session setting: slabmend grant gives the role all settings that slabmend needs",
  },
  {
    names: [
      ...["keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout"],
      ...[
        "gssencmode",
        "krbsrvname",
        "gsslib",
        "gssdelegation",
        "passfile",
        "sslcert",
        "sslkey",
        "sslpassword",
      ],
      ...["sslcrl", "sslcrldir", "sslcompression", "sslsni", "sslcertmode", "sslnegotiation", "requiressl"],
      ...["requirepeer", "require_auth", "ssl_min_protocol_version", "ssl_max_protocol_version"],
      ...["load_balance_hosts", "fallback_application_name", "replication"],
    ],
    expected: "no parameter of libpq: leave it out",
  },
  {
    names: [
      ...["max", "idle_timeout", "max_lifetime", "max_pipeline", "backoff", "keep_alive", "prepare", "debug"],
      ...["fetch_types", "publications", "pool_mode", "pool_size", "min_pool_size"],
    ],
    expected: "no setting of a driver or pool: slabmend sets its own",
  },
];

/**
 * What is wrong with the query of a URL, if anything. Unknown names are not repeated: the text after a ? may be a part
 * of a password.
 */
export function findParameterFault(
  parameters: URLSearchParams,
): { readonly expected: string; readonly got: string } | undefined {
  const taken: readonly string[] = TAKEN;
  const wrong = [...new Set(parameters.keys())].filter((name) => !taken.includes(name));
  if (wrong.length === 0) return undefined;
  const known = wrong.map((name) => name.toLowerCase()).filter((name) => findRefused(name) !== undefined);
  const unknown = wrong.length - known.length;
  const expected = new Set(known.map((name) => findRefused(name)?.expected));
  if (unknown > 0) expected.add(`no parameters except ${TAKEN.join(", ")}`);
  return {
    expected: [...expected].join("; "),
    got: [...known, ...(unknown === 0 ? [] : [`${unknown} that slabmend does not know`])].join(", "),
  };
}

function findRefused(name: string): Refused | undefined {
  return REFUSED.find(({ names }) => names.includes(name));
}
