/** Whether the target can take the source's database and roles. Pure. */
import type { MoveRoles } from "../../database/move/move-roles.ts";
import type { MoveServer } from "../../database/move/read-move-server.ts";
import type { MoveSource } from "../../database/move/read-move-source.ts";
import type { MoveTarget } from "../../database/move/read-move-target.ts";
import { majorOf } from "./judge-servers.ts";
import { failure, type MoveFinding, named, ok, warning } from "./move-finding.ts";

const mebibytes = (bytes: number): number => Math.ceil(bytes / 1_048_576);

export function judgeTarget(source: MoveServer & MoveSource, target: MoveServer & MoveTarget): MoveFinding[] {
  const findings: MoveFinding[] = [];
  if (target.contents.length + target.leftovers.length > 0) {
    findings.push(
      failure(
        "target-not-empty",
        `target: expected an empty database, got ${named([...target.leftovers, ...target.contents])}`,
        "create database … template template0, and name it in SLABMEND_TARGET_DATABASE_URL.",
      ),
    );
  }
  if (source.encoding !== target.encoding) {
    findings.push(
      failure(
        "encoding",
        `expected the source's encoding ${source.encoding} in the target, got ${target.encoding}`,
        `create database … encoding '${source.encoding}' template template0.`,
      ),
    );
  }
  if (source.locale !== target.locale) {
    findings.push(
      warning(
        "locale",
        `text sorts as ${source.locale} in the source, as ${target.locale} in the target`,
        "Create the target's database with the same locale, unless the change is intended.",
      ),
    );
  }
  const missing = source.extensions.filter((name) => !target.extensions.includes(name));
  if (missing.length > 0) {
    findings.push(
      failure(
        "extensions",
        `target: extensions missing on its server: ${named(missing)}`,
        "Install their packages on the target's machine.",
      ),
    );
  }
  const unknown = source.settingNames.filter(
    (name) => !name.includes(".") && !target.settingNames.includes(name),
  );
  if (unknown.length > 0) {
    findings.push(
      failure(
        "settings",
        `source: roles or the database have settings that the target's PostgreSQL ${majorOf(target.versionNumber)} does not know: ${named(unknown)}`,
        "alter role … reset …, or alter database … reset …, on the source.",
      ),
    );
  }
  findings.push(
    warning(
      "disk",
      `the database has ${mebibytes(source.bytes)} MiB: the target's disk needs about ${mebibytes(2 * source.bytes)} MiB, for the data and for the log of writing it`,
      "PostgreSQL does not report the free disk space: check it on the target's machine.",
    ),
  );
  return findings;
}

/** Which roles will be created, and which exist already. */
export function judgeRoles(roles: MoveRoles, target: MoveServer & MoveTarget): MoveFinding[] {
  // No warning about the role with which we log in to the target: each server has its own role of that name, such as
  // postgres.
  const there = roles.roles
    .map(({ name }) => name)
    .filter((name) => target.roles.includes(name) && name !== target.role);
  const locked = roles.roles
    .filter(({ name, logsIn }) => logsIn && there.includes(name) && !target.rolesThatLogIn.includes(name))
    .map(({ name }) => name);
  const copied = roles.roles.filter(({ name }) => !target.roles.includes(name)).map(({ name }) => name);
  return [
    ok(
      "roles",
      copied.length === 0
        ? "no role has to be created"
        : `roles that will be created, with their passwords: ${named(copied)}`,
    ),
    ...(there.length === 0
      ? []
      : [
          warning(
            "roles-there",
            `these roles exist in the target already, and keep their attributes and passwords: ${named(there)}`,
            "Compare them with the source's roles yourself, or drop them in the target before the move starts.",
          ),
        ]),
    ...(locked.length === 0
      ? []
      : [
          failure(
            "roles-locked",
            `these roles exist in the target without LOGIN, so that after the switch neither server would admit them: ${named(locked)}`,
            "Drop them in the target: an earlier move may have left them there. Or give them LOGIN and their passwords.",
          ),
        ]),
  ];
}
