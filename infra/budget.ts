import { sharedName } from "./names.ts";
import type { StageSettings } from "./settings.ts";

/**
 * The budget only sends warnings; it stops nothing. AWS updates costs several times a day, so warnings are hours late.
 */
export function createBudget(settings: StageSettings) {
  const warn = (notificationType: "ACTUAL" | "FORECASTED", threshold: number) => ({
    notificationType,
    threshold,
    thresholdType: "PERCENTAGE",
    comparisonOperator: "GREATER_THAN",
    subscriberEmailAddresses: [settings.SLABMEND_ALARM_EMAIL],
  });
  return new aws.budgets.Budget("Budget", {
    name: sharedName($app, "monthly"),
    budgetType: "COST",
    timeUnit: "MONTHLY",
    limitAmount: String(settings.SLABMEND_MONTHLY_BUDGET_USD),
    limitUnit: "USD",
    ...(settings.SLABMEND_BUDGET_SCOPE === "account"
      ? {}
      : { costFilters: [{ name: "TagKeyValue", values: [`user:sst:app$${$app.name}`] }] }),
    notifications: [warn("ACTUAL", 80), warn("ACTUAL", 100), warn("FORECASTED", 100)],
  });
}
