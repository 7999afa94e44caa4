/** Options of the commands that repair on this machine. */
import { availableParallelism } from "node:os";
import { Option } from "commander";
import { wholeNumber } from "./option-values.ts";

/** While one waits for hosts, the other computes. */
const REPAIRS_PER_CPU = 2;

export const concurrencyOption = (): Option =>
  new Option(
    "--concurrency <n>",
    "repairs at once, in a process for each CPU, two or more to a process; default: two for each CPU",
  ).argParser(wholeNumber(1, 1_000));

/** What {@link concurrencyOption} stands for when it is not given. */
export const defaultConcurrency = (): number => REPAIRS_PER_CPU * availableParallelism();

export const timeoutOption = (): Option =>
  new Option("--timeout <seconds>", "a repair keeps what is done after this long")
    .argParser(wholeNumber(10, 3_600))
    .default(300);
