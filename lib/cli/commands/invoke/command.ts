import { Argument } from "commander";
import { OperatorError } from "../../../errors/operator-error.ts";
import { createLambdaClient } from "../../command/aws-clients.ts";
import { action, type CommandHost } from "../../command/command-context.ts";
import { FUNCTION_VARIABLES } from "../../command/function-variables.ts";
import { invokeFunction } from "./invoke-function.ts";

/** A run of claim or reap ends within a minute; an unresponsive function must not block forever. */
const LONGEST_RUN_MS = 120_000;

export function addInvoke(host: CommandHost): void {
  host.program
    .command("invoke")
    .description("run claim or reap on AWS now, and show its report")
    .addArgument(new Argument("<function>", "which").choices(["claim", "reap"]))
    .option(
      "--function <name>",
      `the function's name or ARN on AWS; default: ${FUNCTION_VARIABLES.claim} or ${FUNCTION_VARIABLES.reap}`,
    )
    .addHelpText("after", "\nA run takes up to a minute. It may overlap the scheduled run without harm.")
    .action(
      action<{ function?: string }>(host, async (context, options, [which]) => {
        const variable = FUNCTION_VARIABLES[which === "reap" ? "reap" : "claim"];
        const name = options.function ?? context.variables[variable];
        if (name === undefined || name === "") {
          throw new OperatorError({
            code: "variable-missing",
            message: `${variable}: expected the name of the function on AWS, got nothing`,
            remedy: "Set it or use --function; `npx sst deploy` prints the names.",
          });
        }
        const client = await createLambdaClient(context.variables, LONGEST_RUN_MS);
        try {
          const report = await invokeFunction(client, name, context.io.signal);
          context.print({ function: name, report }, JSON.stringify(report, null, 2));
          return "done";
        } finally {
          client.destroy();
        }
      }),
    );
}
