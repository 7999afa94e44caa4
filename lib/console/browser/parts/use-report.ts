import { useCallback, useEffect, useState } from "preact/hooks";
import { type Problem, request } from "../api/request.ts";
import { useConsole } from "./context.ts";

export interface Report<T> {
  /** The last loaded report, kept while a newer one is loading or fails. */
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
  readonly again: () => void;
}

interface State<T> {
  readonly path: string;
  readonly value: T | undefined;
  readonly problem: Problem | undefined;
}

/**
 * Reads a report now, every `everyMs` while the page is visible, and when the connection is back. If a later read
 * fails, the result of the earlier read stays; if the path changes, it is dropped.
 */
export function useReport<T>(path: string, everyMs: number): Report<T> {
  const { live } = useConsole();
  const [state, setState] = useState<State<T>>({ path, value: undefined, problem: undefined });
  const [asked, setAsked] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    const read = async () => {
      const answer = await request<T>(path, { signal: abort.signal });
      if (abort.signal.aborted) return;
      setState((before) =>
        answer.ok
          ? { path, value: answer.value, problem: undefined }
          : { path, value: before.path === path ? before.value : undefined, problem: answer.problem },
      );
    };
    void read();
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") void read();
    }, everyMs);
    return () => {
      abort.abort();
      clearInterval(timer);
    };
  }, [path, everyMs, asked, live.generation]);
  const again = useCallback(() => setAsked((before) => before + 1), []);
  const isCurrent = state.path === path;
  return {
    value: isCurrent ? state.value : undefined,
    problem: isCurrent ? state.problem : undefined,
    again,
  };
}
