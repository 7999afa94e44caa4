/**
 * Records requests and responses of this process's HTTP servers: messages and dead letters of the embedded SQS, and
 * invocations and answers at the Lambda endpoint.
 */
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { openTrace } from "./recorder.ts";
import { tap } from "./watch-processes.ts";

/** Call it once. */
export function watchHttp(): void {
  // node:http publishes each request on this channel.
  subscribe("http.server.request.start", (message) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const what = `${request.method} ${request.headers["x-amz-target"] ?? request.url}`;
    tap(request, openTrace(`HTTP request ${what}`));
    const trace = openTrace(`HTTP answer to ${what}`);
    for (const name of ["write", "end"] as const) {
      const method = response[name] as (...args: unknown[]) => unknown;
      Object.assign(response, {
        [name](...args: unknown[]) {
          if (typeof args[0] === "string" || args[0] instanceof Uint8Array) trace.add(args[0]);
          return method.apply(response, args);
        },
      });
    }
  });
}
