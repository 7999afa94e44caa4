/** Options of the commands that run repairs on this machine. */
import { availableParallelism } from "node:os";
import { Option } from "commander";
import { wholeNumber } from "./option-values.ts";

/** Two: while one repair waits for hosts, the other one computes. */
const REPAIRS_PER_CPU = 2;

export const concurrencyOption = (): Option =>
  new Option(
    "--concurrency <n>",
    "number of simultaneous repairs; default: two per CPU. There is one process per two repairs, but at most one per CPU",
  ).argParser(wholeNumber(1, 1_000));

/** The default of {@link concurrencyOption}. */
export const defaultConcurrency = (): number => REPAIRS_PER_CPU * availableParallelism();

export const timeoutOption = (): Option =>
  new Option("--timeout <seconds>", "time limit of a repair; sectors that it has moved by then stay moved")
    .argParser(wholeNumber(10, 3_600))
    .default(300);
