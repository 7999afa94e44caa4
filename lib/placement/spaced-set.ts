import { distanceKm, EARTH_RADIUS_KM, type Location } from "./distance.ts";

/**
 * Length of a degree of latitude, slightly rounded down. If two places are far enough apart by latitude alone, the
 * haversine need not be computed.
 */
const KM_PER_DEGREE_AT_LEAST = ((EARTH_RADIUS_KM * Math.PI) / 180) * 0.999;

/**
 * A set of different hosts, no two of which are closer than the minimum distance. Greedy: the first to join stays.
 * All hosts without geolocation are at (0, 0), so at most one of them joins.
 */
export class SpacedSet {
  readonly #minDistanceKm: number;
  readonly #members = new Map<unknown, Location>();

  /** @param minDistanceKm 0: no minimum */
  constructor(minDistanceKm: number) {
    this.#minDistanceKm = minDistanceKm;
  }

  /** @returns false if the host is already a member or too close to a member; the set is then unchanged */
  add(host: Location & { readonly id: unknown }): boolean {
    if (this.#members.has(host.id)) return false;
    if (this.#minDistanceKm > 0) {
      for (const member of this.#members.values()) {
        if (this.#tooNear(host, member)) return false;
      }
    }
    this.#members.set(host.id, host);
    return true;
  }

  #tooNear(one: Location, other: Location): boolean {
    // The latitudes are compared first: a haversine for each pair of a thousand candidates would cost as much as
    // hashing several sectors.
    const apartKm = Math.abs(one.latitude - other.latitude) * KM_PER_DEGREE_AT_LEAST;
    return !(apartKm > this.#minDistanceKm) && distanceKm(one, other) < this.#minDistanceKm;
  }
}
