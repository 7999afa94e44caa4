/**
 * Is preloaded into a repair process: SIGUSR2 starts a CPU profile, and the next SIGUSR2 writes the profile to a file.
 */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector";

const SAMPLING_MICROSECONDS = 200;
const session = new Session();
let isRunning = false;

process.on("SIGUSR2", () => {
  if (isRunning) {
    session.post("Profiler.stop", (error, { profile }) => {
      if (error === null) writeFileSync(process.env["SLABMEND_BENCH_PROFILE"]!, JSON.stringify(profile));
    });
  } else {
    session.connect();
    session.post("Profiler.enable");
    session.post("Profiler.setSamplingInterval", { interval: SAMPLING_MICROSECONDS });
    session.post("Profiler.start");
  }
  isRunning = !isRunning;
});
