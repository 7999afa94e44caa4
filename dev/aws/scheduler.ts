/**
 * Invokes functions at a fixed rate, as EventBridge does, even while the previous run still goes on. If the function's
 * reserved concurrency is 1, the new invocation then waits for the end of that run.
 */
import { randomUUID } from "node:crypto";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import { LOCAL_ACCOUNT, LOCAL_REGION } from "./function-definition.ts";

export interface Schedule {
  readonly functionName: string;
  readonly everyMs: number;
  /** The time until the first invocation; default `everyMs`. */
  readonly firstAfterMs?: number;
}

export interface SchedulerOptions {
  /** Accepts an invocation without waiting for its result, or throws. */
  readonly invoke: (functionName: string, event: string) => void;
  readonly schedules: readonly Schedule[];
  readonly clock?: Clock;
  /** Called for an invocation that was not accepted. The next invocation still comes on time. */
  readonly onError?: (functionName: string, error: unknown) => void;
}

export interface Scheduler {
  /** Stops all schedules. */
  stop(): void;
}

export function startScheduler(options: SchedulerOptions): Scheduler {
  const { invoke, clock = systemClock, onError } = options;
  const cancels = new Map<Schedule, () => void>();

  /**
   * Each invocation's time is computed from the previous invocation's planned time, so a late timer does not shift
   * later invocations.
   */
  const arm = (schedule: Schedule, atMs: number): void => {
    const { functionName, everyMs } = schedule;
    const fire = (): void => {
      // Invocations that were missed while the machine slept are skipped.
      const missed = Math.max(0, Math.floor((clock.now() - atMs) / everyMs));
      arm(schedule, atMs + (missed + 1) * everyMs);
      try {
        invoke(functionName, JSON.stringify(scheduledEvent(functionName, clock.now())));
      } catch (error) {
        onError?.(functionName, error);
      }
    };
    cancels.set(schedule, clock.after(Math.max(0, atMs - clock.now()), fire));
  };
  for (const schedule of options.schedules) {
    arm(schedule, clock.now() + (schedule.firstAfterMs ?? schedule.everyMs));
  }
  return {
    stop() {
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
    },
  };
}

/** The event of an EventBridge rule with a rate. */
function scheduledEvent(functionName: string, nowMs: number): object {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Scheduled Event",
    source: "aws.events",
    account: LOCAL_ACCOUNT,
    time: `${new Date(nowMs).toISOString().slice(0, 19)}Z`,
    region: LOCAL_REGION,
    resources: [`arn:aws:events:${LOCAL_REGION}:${LOCAL_ACCOUNT}:rule/${functionName}`],
    detail: {},
  };
}
