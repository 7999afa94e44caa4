/**
 * Gives the API's types the names of lib/reports, and names parts of reports that the API's description leaves unnamed.
 */
import type { components } from "./schema.ts";

type Schemas = components["schemas"];

export type StatusReport = Schemas["Status"];
export type SlabsReport = Schemas["Slabs"];
export type UnhealthySlab = SlabsReport["slabs"][number];
export type SlabReport = Schemas["Slab"];
export type HistoryReport = Schemas["History"];
export type HostsReport = Schemas["Hosts"];
export type HostReport = HostsReport["hosts"][number];
export type ThroughputReport = Schemas["Throughput"];
export type WorkersReport = Schemas["Workers"];
export type DeadLettersReport = Schemas["DeadLetters"];
export type LossesReport = Schemas["Losses"];
export type QuarantineReport = Schemas["Quarantine"];
export type MaintenanceReport = Schemas["Runs"];
export type RunReport = NonNullable<MaintenanceReport["run"]>;
export type IndexersReport = Schemas["Indexers"];
export type DatabaseEvent = Schemas["DatabaseEvent"];
