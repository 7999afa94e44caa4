/** Routes that report what runs now: the state of the fleet, and its processes. */
import { statusSchema } from "../../reports/status-schema.ts";
import { workersSchema } from "../workers-report.ts";
import { apiRoute } from "./api-route.ts";

const status = apiRoute({
  method: "GET",
  path: "/status",
  name: "status",
  says: "The state of the fleet and its slabs, at most 2 s old.",
  answer: statusSchema,
  run: ({ readStatus }) => readStatus(),
});

const workers = apiRoute({
  method: "GET",
  path: "/workers",
  name: "workers",
  says: "The processes of this `serve`, and every `work` and `serve` on its database.",
  answer: workersSchema,
  run: ({ readWorkers }) => readWorkers(),
});

export const READ_ROUTES = [status, workers] as const;
