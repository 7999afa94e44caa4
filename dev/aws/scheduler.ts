/**
 * Calls functions at a fixed rate through Lambda's Invoke operation, as EventBridge does: Event invocations, so a function that is
 * still running is not waited for; its reserved concurrency is what keeps a second one from running beside it.
 */
import { randomUUID } from "node:crypto";
import { InvokeCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import { type Clock, systemClock } from "../../lib/clock/clock.ts";
import { LOCAL_ACCOUNT, LOCAL_REGION } from "./function-definition.ts";

export interface Schedule {
  readonly functionName: string;
  readonly everyMs: number;
  /** Until the first call; default `everyMs`. */
  readonly firstAfterMs?: number;
}

export interface SchedulerOptions {
  readonly client: Pick<LambdaClient, "send">;
  readonly schedules: readonly Schedule[];
  readonly clock?: Clock;
  /** A call that Lambda did not accept. The next one comes at its time all the same. */
  readonly onError?: (functionName: string, error: unknown) => void;
}

export interface Scheduler {
  /** Makes no further call and waits for those under way. */
  stop(): Promise<void>;
}

export function startScheduler(options: SchedulerOptions): Scheduler {
  const { client, clock = systemClock, onError } = options;
  const aborted = new AbortController();
  const underWay = new Set<Promise<void>>();
  const cancels = new Map<Schedule, () => void>();

  const call = async (schedule: Schedule): Promise<void> => {
    const { functionName } = schedule;
    try {
      const event = JSON.stringify(scheduledEvent(functionName, clock.now()));
      const command = new InvokeCommand({
        FunctionName: functionName,
        InvocationType: "Event",
        Payload: Buffer.from(event),
      });
      await client.send(command, { abortSignal: aborted.signal });
    } catch (error) {
      if (!aborted.signal.aborted) onError?.(functionName, error);
    }
  };
  /** Times are counted from the first one, so a late timer does not shift the later ones. */
  const arm = (schedule: Schedule, atMs: number): void => {
    const fire = (): void => {
      const running = call(schedule).finally(() => underWay.delete(running));
      underWay.add(running);
      // After the machine slept, the missed times are not made up for.
      const missed = Math.max(0, Math.floor((clock.now() - atMs) / schedule.everyMs));
      arm(schedule, atMs + (missed + 1) * schedule.everyMs);
    };
    cancels.set(schedule, clock.after(Math.max(0, atMs - clock.now()), fire));
  };
  for (const schedule of options.schedules) {
    arm(schedule, clock.now() + (schedule.firstAfterMs ?? schedule.everyMs));
  }
  return {
    async stop() {
      for (const cancel of cancels.values()) cancel();
      cancels.clear();
      aborted.abort();
      await Promise.all(underWay);
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
