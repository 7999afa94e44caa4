/** `empty`: a new database, indexd and slabmend have just been set up. */
export type FleetState = "healthy" | "danger" | "breaker" | "empty";
