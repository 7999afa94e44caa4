import { expect, test } from "vitest";
import { StreamIds } from "../../lib/siamux/stream-ids.ts";

const none = () => false;

test.each([
  [0, [256, 258, 260]],
  [1, [257, 259, 261]],
])("a side of parity %i opens %j", (parity, expected) => {
  const ids = new StreamIds(parity);
  expect([ids.take(none), ids.take(none), ids.take(none)]).toEqual(expected);
});

test.each([
  [0, 0x3fff_fffc, [0x3fff_fffc, 0x3fff_fffe, 256]],
  [1, 0x3fff_fffb, [0x3fff_fffb, 0x3fff_fffd, 257]],
])("ids of parity %i start again before 0xffffffff >> 2", (parity, nextId, expected) => {
  const ids = new StreamIds(parity, nextId);
  expect([ids.take(none), ids.take(none), ids.take(none)]).toEqual(expected);
});

test("a new stream gets no id that is in use, even after the ids have wrapped around", () => {
  const ids = new StreamIds(0, 0x3fff_fffe);
  const inUse = new Set([0x3fff_fffe, 256, 258]);
  expect(ids.take((id) => inUse.has(id))).toBe(260);
});
