import { HEALTHY_SWITCHES, type HostSwitches } from "./host-switches.ts";

/** The switches of a running host, and whoever waits for one of them to change. */
export class LiveSwitches {
  #current: HostSwitches = HEALTHY_SWITCHES;
  readonly #waiting = new Set<() => void>();

  get current(): HostSwitches {
    return this.#current;
  }

  change(change: Partial<HostSwitches>): HostSwitches {
    this.#current = { ...this.#current, ...change };
    for (const look of [...this.#waiting]) look();
    return this.#current;
  }

  /** Resolves when the condition holds, or when `ended` settles; whichever is first. */
  until(condition: (switches: HostSwitches) => boolean, ended: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const leave = () => {
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (condition(this.#current)) leave();
      };
      this.#waiting.add(look);
      void ended.then(leave, leave);
      look();
    });
  }
}
