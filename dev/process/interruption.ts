/** Signals that ask a program to end: Ctrl+C, a plain kill, the end of the terminal. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Calls `callback` at the first signal that asks this process to end, so that everything can be stopped in an orderly
 * way. At the second signal the process exits at once; the parent guards then clean up. Returns a function that removes
 * the listeners.
 */
export function onInterruption(callback: (exitCode: number) => void): () => void {
  let seen = false;
  const listeners = Object.entries(SIGNALS).map(([signal, number]) => {
    const exitCode = 128 + number;
    const listener = (): void => {
      if (seen) process.exit(exitCode);
      seen = true;
      callback(exitCode);
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  return () => {
    for (const remove of listeners) remove();
  };
}
