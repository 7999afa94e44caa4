import { distanceKm, EARTH_RADIUS_KM, type Location } from "./distance.ts";

/** A degree of latitude, a little short: two places further apart in latitude alone need no haversine. */
const KM_PER_DEGREE_AT_LEAST = ((EARTH_RADIUS_KM * Math.PI) / 180) * 0.999;

/**
 * Hosts of which no two are the same and none is nearer to another than the minimum. Greedy: what joins first stays.
 * A host without geolocation is at (0, 0) like all others without, so at most one of them joins.
 */
export class SpacedSet {
  readonly #minDistanceKm: number;
  readonly #members = new Map<unknown, Location>();

  /** @param minDistanceKm 0: any distance will do */
  constructor(minDistanceKm: number) {
    this.#minDistanceKm = minDistanceKm;
  }

  /** @returns false, and changes nothing, when the host is a member already or too near to one */
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
    // A thousand candidates against each other would otherwise cost as much as hashing several sectors.
    const apartKm = Math.abs(one.latitude - other.latitude) * KM_PER_DEGREE_AT_LEAST;
    return !(apartKm > this.#minDistanceKm) && distanceKm(one, other) < this.#minDistanceKm;
  }
}
