import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Live } from "../api/live.ts";

export interface Console {
  readonly live: Live;
  /** The server's time, updated once a second. */
  readonly nowMs: number;
  /** The theme in effect; canvases are redrawn when it changes. */
  readonly theme: string;
  /** Opens the confirmation dialog of a write. */
  readonly ask: (write: Write) => void;
}

export interface Write {
  readonly title: string;
  readonly says: string;
  readonly confirm: string;
  /** Label of the field for a reason; undefined: no such field. */
  readonly reasonLabel?: string;
  readonly method: "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly body?: (reason: string) => unknown;
  readonly done: () => void;
}

export const ConsoleContext = createContext<Console | undefined>(undefined);

export function useConsole(): Console {
  const found = useContext(ConsoleContext);
  if (found === undefined) throw new Error("outside of the console");
  return found;
}
