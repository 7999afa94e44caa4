export interface Location {
  /** Degrees. */
  readonly latitude: number;
  /** Degrees. */
  readonly longitude: number;
}

/** Mean radius of the Earth, the value that indexd uses: docs/protocol.md#which-sectors-move-and-where. */
export const EARTH_RADIUS_KM = 6371.0088;

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/** Great-circle distance by the haversine formula, term by term as indexd computes it. */
export function distanceKm(from: Location, to: Location): number {
  const latitudeTerm = Math.sin(radians(to.latitude - from.latitude) / 2);
  const longitudeTerm = Math.sin(radians(to.longitude - from.longitude) / 2);
  const a =
    latitudeTerm * latitudeTerm +
    Math.cos(radians(from.latitude)) * Math.cos(radians(to.latitude)) * longitudeTerm * longitudeTerm;
  return EARTH_RADIUS_KM * 2 * Math.atan2(Math.sqrt(a), Math.sqrt(1 - a));
}
