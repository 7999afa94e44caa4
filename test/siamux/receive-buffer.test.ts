import fc from "fast-check";
import { expect, test } from "vitest";
import { ReceiveBuffer } from "../../lib/siamux/receive-buffer.ts";

test("a receive buffer behaves like one long array for any pieces", () => {
  const step = fc.oneof(
    fc.record({ put: fc.uint8Array({ maxLength: 9_000 }) }),
    fc.record({ take: fc.integer({ min: 0, max: 12_000 }), skip: fc.integer({ min: 0, max: 10 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const buffer = new ReceiveBuffer();
      let model = Buffer.alloc(0);
      for (const each of steps) {
        if ("put" in each) {
          buffer.append(each.put);
          model = Buffer.concat([model, each.put]);
        } else {
          const target = Buffer.alloc(each.skip + each.take, 0xee);
          const moved = buffer.moveInto(target, each.skip);
          expect(moved).toBe(Math.min(each.take, model.length));
          const expected = Buffer.alloc(target.length, 0xee);
          model.copy(expected, each.skip, 0, moved);
          expect(target.equals(expected)).toBe(true);
          model = model.subarray(moved);
        }
        expect(buffer.lengthBytes).toBe(model.length);
      }
    }),
    { numRuns: 100 },
  );
});

test("a receive buffer does not keep the memory passed to it", () => {
  const buffer = new ReceiveBuffer();
  const bytes = Uint8Array.of(1, 2, 3);
  buffer.append(bytes);
  bytes.fill(9);
  const target = new Uint8Array(3);
  buffer.moveInto(target, 0);
  expect(target).toEqual(Uint8Array.of(1, 2, 3));
});

test("a receive buffer is empty after clear", () => {
  const buffer = new ReceiveBuffer();
  buffer.append(new Uint8Array(100_000));
  buffer.clear();
  expect(buffer.lengthBytes).toBe(0);
  expect(buffer.moveInto(new Uint8Array(5), 0)).toBe(0);
});
