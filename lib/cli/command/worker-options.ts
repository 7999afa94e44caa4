/** Options of the commands that run repairs on this machine. */
import { availableParallelism } from "node:os";
import { Option } from "commander";
import { wholeNumber } from "./option-values.ts";

/** While one repair waits for hosts, the other computes. */
const REPAIRS_PER_CPU = 2;

export const concurrencyOption = (): Option =>
  new Option(
    "--concurrency <n>",
    "simultaneous repairs, at least two in each process, one process per CPU; default: two per CPU",
  ).argParser(wholeNumber(1, 1_000));

/** The default of {@link concurrencyOption}. */
export const defaultConcurrency = (): number => REPAIRS_PER_CPU * availableParallelism();

export const timeoutOption = (): Option =>
  new Option("--timeout <seconds>", "time limit of a repair; it keeps what is done by then")
    .argParser(wholeNumber(10, 3_600))
    .default(300);
