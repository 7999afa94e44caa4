/** The reports by the names of lib/reports. */
export type { HistoryReport } from "../../../reports/history-schema.ts";
export type { HostReport, HostsReport } from "../../../reports/hosts-schema.ts";
export type { SlabReport, SlabsReport, UnhealthySlab } from "../../../reports/slabs-schema.ts";
export type { DeadLettersReport, LossesReport, QuarantineReport } from "../../../reports/standing-schema.ts";
export type { StatusReport } from "../../../reports/status-schema.ts";
export type { ThroughputReport } from "../../../reports/throughput-schema.ts";

interface Trouble {
  code: string;
  message: string;
  remedy: string | null;
  since: string;
}
interface Job {
  endedAt: string | null;
  stopped: string | null;
  failures: number;
  trouble: Trouble | null;
}
export interface WorkersReport {
  schemaVersion: 1;
  at: string;
  serve: {
    pid: number;
    startedAt: string;
    indexer: string;
    state: "starting" | "working" | "unfit" | "draining" | "ended";
    trouble: Trouble | null;
    concurrency: number;
    running: number;
    claim: Job;
    reap: Job;
    workers: {
      name: string;
      pid: number | null;
      startedAt: string | null;
      restarts: number;
      lastExit: string | null;
      crashLoopingSince: string | null;
      repairs: {
        slabId: string;
        phase: "begin" | "plan" | "transfer" | "commit" | "events";
        startedAt: string;
      }[];
    }[];
    http: { pid: number; restarts: number };
    done: Record<string, number>;
    notBegun: number;
    crashed: number;
  } | null;
  fleet:
    | {
        id: string;
        command: "work" | "serve";
        host: string;
        pid: number;
        concurrency: number;
        running: number;
        state: "working" | "draining";
        trouble: string | null;
        startedAt: string;
        seenAt: string;
        isAlive: boolean;
      }[]
    | null;
}
