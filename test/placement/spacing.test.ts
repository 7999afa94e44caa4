import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { distanceKm, EARTH_RADIUS_KM, type Location } from "../../lib/placement/distance.ts";
import { SpacedSet } from "../../lib/placement/spaced-set.ts";

const at = (latitude: number, longitude: number): Location => ({ latitude, longitude });

test.each<[string, Location, Location, number]>([
  ["the same place", at(51.5, -0.1), at(51.5, -0.1), 0],
  ["a degree of latitude", at(0, 0), at(1, 0), (EARTH_RADIUS_KM * Math.PI) / 180],
  ["a degree of longitude at 60 degrees", at(60, 0), at(60, 1), 55.5968],
  ["London and Paris", at(51.5074, -0.1278), at(48.8566, 2.3522), 343.557],
  ["across the date line", at(0, 179.5), at(0, -179.5), (EARTH_RADIUS_KM * Math.PI) / 180],
  ["pole to pole", at(90, 0), at(-90, 0), EARTH_RADIUS_KM * Math.PI],
  ["opposite sides", at(0, 0), at(0, 180), EARTH_RADIUS_KM * Math.PI],
])("distance of %s", (_name, from, to, expectedKm) => {
  expect(distanceKm(from, to)).toBeCloseTo(expectedKm, 2);
  expect(distanceKm(to, from)).toBeCloseTo(expectedKm, 2);
});

describe("a spaced set", () => {
  const kmNorth = (km: number): number => (km / EARTH_RADIUS_KM) * (180 / Math.PI);

  test("a spaced set refuses hosts nearer than the minimum distance, and no others", () => {
    const set = new SpacedSet(10);
    expect(set.add({ id: 1, ...at(0, 0) })).toBe(true);
    expect(set.add({ id: 2, ...at(kmNorth(9.999), 0) })).toBe(false);
    expect(set.add({ id: 3, ...at(kmNorth(10.001), 0) })).toBe(true);
    expect(set.add({ id: 4, ...at(0, kmNorth(9.999)) })).toBe(false);
    expect(set.add({ id: 5, ...at(0, kmNorth(10.001)) })).toBe(true);
  });

  test("a spaced set accepts a host once, and may accept a refused host at another location", () => {
    const set = new SpacedSet(10);
    expect(set.add({ id: 1, ...at(0, 0) })).toBe(true);
    expect(set.add({ id: 1, ...at(50, 50) })).toBe(false);
    expect(set.add({ id: 2, ...at(0, 0) })).toBe(false);
    expect(set.add({ id: 2, ...at(50, 50) })).toBe(true);
  });

  test("a spaced set accepts only one host without a location", () => {
    const set = new SpacedSet(10);
    expect([1, 2, 3].map((id) => set.add({ id, ...at(0, 0) }))).toEqual([true, false, false]);
  });

  test("a spaced set with a minimum of 0 only refuses duplicates", () => {
    const set = new SpacedSet(0);
    expect([1, 2, 1].map((id) => set.add({ id, ...at(0, 0) }))).toEqual([true, true, false]);
  });

  test("a spaced set decides exactly by the haversine distance, despite the shortcut by latitude", () => {
    const degrees = (limit: number): fc.Arbitrary<number> =>
      fc.double({ min: -limit, max: limit, noNaN: true });
    const place = fc.record({ latitude: degrees(90), longitude: degrees(180) });
    fc.assert(
      fc.property(
        place,
        // Far places test the shortcut, and near places the boundary.
        fc.oneof(place, fc.record({ latitude: degrees(0.2), longitude: degrees(0.2) })),
        fc.constantFrom(1, 10, 500, 20_000),
        (origin, offset, minKm) => {
          const near = Math.abs(offset.latitude) <= 0.2;
          const other = near
            ? at(
                Math.max(-90, Math.min(90, origin.latitude + offset.latitude)),
                origin.longitude + offset.longitude,
              )
            : offset;
          const set = new SpacedSet(minKm);
          set.add({ id: 1, ...origin });
          expect(set.add({ id: 2, ...other })).toBe(!(distanceKm(other, origin) < minKm));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
