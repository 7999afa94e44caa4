import { expect, test } from "vitest";
import type { RestoreState } from "../../../lib/database/restore/restore-reads.ts";
import { judgeRestore } from "../../../lib/jobs/restore/judge-restore.ts";

const READY: RestoreState = {
  walletHash: "ab".repeat(32),
  archived: { incarnation: 1, position: 12 },
  held: null,
  contracts: 3,
  sectors: 30,
  sessions: [],
  logins: [{ role: "postgres", isSuperuser: true }],
};

test.for([
  { name: "no client is connected and indexd's login is refused", state: {}, role: undefined, codes: [] },
  {
    name: "a session of any program stops it",
    state: { sessions: [{ role: "indexd", application: "" }] },
    role: undefined,
    codes: ["still-connected"],
  },
  {
    name: "a role that may write slabs can log in",
    state: { logins: [{ role: "indexd", isSuperuser: false }] },
    role: undefined,
    codes: ["login-allowed"],
  },
  {
    name: "only the named role counts",
    state: { logins: [{ role: "slabmend", isSuperuser: false }] },
    role: "indexd",
    codes: [],
  },
  {
    name: "the named role counts also as a superuser",
    state: {},
    role: "postgres",
    codes: ["login-allowed"],
  },
  {
    name: "no wallet has ever used this database",
    state: { walletHash: null },
    role: undefined,
    codes: ["no-wallet"],
  },
])("$name", ({ state, role, codes }) => {
  expect(judgeRestore({ ...READY, ...state }, role).map(({ code }) => code)).toEqual(codes);
});
