import { describe, expect, test } from "vitest";
import type { NetworkHost } from "../../../lib/database/indexd/network-snapshot.ts";
import { HostError, type HostErrorCode } from "../../../lib/hosts/host-error.ts";
import { describeAnswers, HostAnswers } from "../../../lib/jobs/repair/host-answers.ts";
import type { Source } from "../../../lib/placement/plan-repair.ts";

const host = (id: number) => ({ id, hostKey: `host${id}` }) as unknown as NetworkHost;
const sector = (id: number) =>
  ({
    sectorId: BigInt(id),
    index: id,
    root: `root${id}`,
    hostId: id,
    denials: 0,
  }) as unknown as Source["sector"];
const source = (id: number): Source => ({ sector: sector(id), host: host(id), lastResort: false });

/**
 * Makes the answers of several sources. Each element of `did` says what one source did: "ok", "-" (was not asked) or a
 * failure.
 */
function answersOf(did: readonly (HostErrorCode | "ok" | "-")[], strangers: readonly boolean[] = []) {
  const answers = new HostAnswers();
  for (const [id, what] of did.entries()) {
    if (what === "ok") answers.served(host(id));
    else if (what !== "-")
      answers.failed(sector(id), host(id), new HostError(host(id).hostKey, what, "said"), false);
  }
  for (const isHeard of strangers) answers.probed(isHeard);
  const sources = did.map((_, id) => source(id));
  return { answers, sources };
}

const many = <T>(count: number, value: T): T[] => Array<T>(count).fill(value);

describe("the cause of too few sources", () => {
  test.each<[string, (HostErrorCode | "ok" | "-")[], boolean[], string | undefined]>([
    ["tokens refused by all", many(4, "token-expired"), [], "token-expired"],
    [
      "tokens refused by most, one is silent",
      [...many(3, "token-expired" as const), "timed-out"],
      [],
      "token-expired",
    ],
    [
      "two kinds of refusals",
      ["prices-expired", "token-expired", "token-expired", "-"],
      [],
      "prices-expired+token-expired",
    ],
    [
      "one host that violates the protocol among correct ones",
      ["protocol-violation", "ok", "-", "timed-out"],
      [],
      undefined,
    ],
    [
      "refusals that do not explain what is missing",
      ["host-refused", "host-refused", ...many(3, "timed-out" as const)],
      [],
      undefined,
    ],
    ["all shut down", many(3, "host-shutting-down"), [], "host-shutting-down"],
    ["two hosts shut down, which may be chance", many(2, "host-shutting-down"), [], undefined],
    ["sectors denied by all", many(4, "sector-not-found"), [], "denied-by-many-hosts"],
    ["two deny: they may have lost their sectors", many(2, "sector-not-found"), [], undefined],
    [
      "three of six deny",
      [...many(3, "sector-corrupt" as const), ...many(3, "ok" as const)],
      [],
      "denied-by-many-hosts",
    ],
    [
      "three of seven deny",
      [...many(3, "sector-corrupt" as const), ...many(4, "ok" as const)],
      [],
      undefined,
    ],
    ["all hosts are full", many(4, "not-enough-funds"), [], undefined],
    ["no host answers at all", many(5, "unreachable"), many(8, false), "no-host-answered"],
    ["no host of the slab answers, but others do", many(5, "unreachable"), many(8, true), undefined],
    [
      "two of twelve hosts answer",
      [...many(3, "timed-out" as const), "ok"],
      [true, ...many(7, false)],
      "few-hosts-answered",
    ],
    ["few sources, and no other hosts", many(3, "unreachable"), [], undefined],
  ])("%s", (_, did, strangers, expected) => {
    const { answers, sources } = answersOf(did, strangers);
    expect(answers.ourFault({ sources, minShards: 3 })).toBe(expected);
  });
});

test("a request that all candidates reject is not the slab's fault, even if sources were read", () => {
  const { answers } = answersOf(["ok", "ok"]);
  for (const id of [5, 6, 7])
    answers.refused(host(id), new HostError(host(id).hostKey, "host-refused", "no"));
  expect(answers.ourFault("candidates")).toBe("host-refused");
  answers.served(host(8));
  expect(answers.ourFault("candidates")).toBeUndefined();
});

test("each host is counted by its last failure, and cancelled calls are not counted", () => {
  const { answers } = answersOf([
    "token-expired",
    "token-expired",
    "timed-out",
    "aborted",
    "ok",
    "token-expired",
  ]);
  answers.sentWrongData(host(9));
  expect(describeAnswers(answers.counts())).toBe("3 token-expired, 1 timed-out, 1 wrong-data");
  expect(describeAnswers({})).toBe("");
});

test("a host that denied one sector is still asked for its other sectors", () => {
  const { answers } = answersOf(["sector-corrupt"]);
  expect(answers.standing(sector(0), host(0))).toBe("useless");
  expect(answers.standing(sector(1), host(0))).toBe("fresh");
  expect(answers.denied).toMatchObject([{ sectorId: 0n, hostId: 0, code: "corrupt", whole: false }]);
});

describe("denials", () => {
  const deny = (answers: HostAnswers, { sector: its, host: by }: Source, whole = false): void =>
    answers.failed(its, by, new HostError(by.hostKey, "sector-not-found", "said"), whole);
  const known = (id: number, denials: number): Source => ({
    sector: { ...sector(id), denials },
    host: host(id),
    lastResort: true,
  });

  test("a denial is withdrawn if the host then serves the whole sector in the same repair", () => {
    const { answers } = answersOf(["sector-not-found"]);
    answers.servedAll(sector(0), host(0));
    expect(answers.denied).toEqual([]);
    expect(answers.servedWhole).toEqual([]);
  });

  test("the commit is told which denied sectors were served in full and not denied again", () => {
    const answers = new HostAnswers();
    for (const id of [0, 1]) answers.servedAll(known(id, 1).sector, host(id));
    deny(answers, known(1, 1));
    expect(answers.servedWhole).toEqual([{ sectorId: 0n, hostId: 0 }]);
    expect(answers.denied).toMatchObject([{ sectorId: 1n }]);
  });

  test("a denial by a sector's earlier host says nothing about its current host", () => {
    const answers = new HostAnswers();
    answers.failed(sector(0), host(7), new HostError(host(7).hostKey, "sector-not-found", "said"), false);
    expect(answers.denied).toEqual([]);
    expect(answers.standing(sector(0), host(7))).toBe("useless");
    expect(answers.standing(sector(0), host(0))).toBe("fresh");
  });

  test("first denials by many hosts are our fault; repeated denials, and denials that have lasted for hours, are not", () => {
    const first = new HostAnswers();
    const again = new HostAnswers();
    const believed = new HostAnswers({ believesMany: true });
    for (const id of [0, 1, 2]) {
      deny(first, known(id, 0));
      deny(again, known(id, 1));
      deny(believed, known(id, 0));
    }
    expect([first, again, believed].map(({ manyDeny }) => manyDeny)).toEqual([true, false, false]);
  });
});
