/** What asks a program on a terminal to end: Ctrl-C, a plain kill, the terminal's end. */
const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/**
 * Calls back at the first such signal, so that everything can be stopped in order. At the second one exits at once; the guards then
 * clean up. Returns how to listen no more.
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
