import { describe, expect, it } from "vitest";
import { helpLines, parseCommand } from "../../../dev/playground/commands.ts";

describe("a line at the playground's prompt", () => {
  it.each([
    ["", { kind: "nothing" }],
    ["   ", { kind: "nothing" }],
    ["hosts", { kind: "list" }],
    [" check ", { kind: "check" }],
    ["away", { kind: "away" }],
    ["back", { kind: "back" }],
    ["help", { kind: "help" }],
    ["quit", { kind: "quit" }],
    ["exit", { kind: "quit" }],
    ["stop 3", { kind: "hosts", verb: "stop", hosts: [3] }],
    ["heal 0 2-4 3", { kind: "hosts", verb: "heal", hosts: [0, 2, 3, 4] }],
    ["slow 0 11", { kind: "hosts", verb: "slow", hosts: [0, 11] }],
    ["lose  11", { kind: "hosts", verb: "lose", hosts: [11] }],
    ["slabmend", { kind: "slabmend", args: [] }],
    ["slabmend status --watch", { kind: "slabmend", args: ["status", "--watch"] }],
  ])("%j means %j", (line, expected) => {
    expect(parseCommand(line, 12)).toEqual(expected);
  });

  it.each([
    ["stop", "stop: expected host numbers from 0 to 11, such as 3 or 3-5, got none"],
    ["stop 12", 'stop: expected host numbers from 0 to 11, such as 3 or 3-5, got "12"'],
    ["block 5-3", 'block: expected host numbers from 0 to 11, such as 3 or 3-5, got "5-3"'],
    ["forget -1", 'forget: expected host numbers from 0 to 11, such as 3 or 3-5, got "-1"'],
    ["explode 3", 'expected a command, got "explode"; type help'],
    ["constructor 3", 'expected a command, got "constructor"; type help'],
    ["quit now", "quit: expected nothing after it"],
  ])("%j is refused with a reason", (line, why) => {
    expect(parseCommand(line, 12)).toEqual({ kind: "wrong", why });
  });

  it("the prompt's help fits 80 columns", () => {
    for (const line of helpLines()) expect(line.length).toBeLessThanOrEqual(80);
  });
});
