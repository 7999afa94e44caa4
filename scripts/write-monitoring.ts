/** Writes infra/monitoring from the definitions of alarms and graphs. After changing them: npm run docs:monitoring. */
import { writeFileSync } from "node:fs";
import { grafanaDashboard } from "../infra/grafana-dashboard.ts";
import { alertRules } from "../infra/prometheus-alerts.ts";

const folder = new URL("../infra/monitoring/", import.meta.url);
writeFileSync(new URL("alerts.yml", folder), alertRules());
writeFileSync(new URL("grafana-dashboard.json", folder), `${JSON.stringify(grafanaDashboard(), null, 2)}\n`);
