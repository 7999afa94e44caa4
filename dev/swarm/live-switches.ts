import { HEALTHY_SWITCHES, type HostSwitches } from "./host-switches.ts";

/** The switches of a running host; RPCs can wait for them to change. */
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

  /** Waits until the condition holds or `ended` resolves; returns which came first. */
  until(condition: (switches: HostSwitches) => boolean, ended: Promise<void>): Promise<"holds" | "ended"> {
    return new Promise((resolve) => {
      const leave = (why: "holds" | "ended") => {
        this.#waiting.delete(look);
        resolve(why);
      };
      const look = () => {
        if (condition(this.#current)) leave("holds");
      };
      this.#waiting.add(look);
      void ended.then(() => leave("ended"));
      look();
    });
  }
}
