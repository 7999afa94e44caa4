/** Messages between a function's process and its environment over the IPC channel. Events and results are JSON text. */

export interface InitializeMessage {
  readonly type: "initialize";
  readonly entry: string;
  readonly handler: string;
}

export interface InvokeMessage {
  readonly type: "invoke";
  readonly requestId: string;
  readonly payload: string;
  /** When the invocation times out, in milliseconds since 1970 by the machine's clock, which both processes read. */
  readonly deadlineMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
}

/** An error, as Lambda returns it in the payload. */
export interface FunctionError {
  readonly errorType: string;
  readonly errorMessage: string;
  readonly trace?: readonly string[];
}

export type ToFunction = InitializeMessage | InvokeMessage;

export type FromFunction =
  | { readonly type: "ready" }
  | { readonly type: "not-ready"; readonly error: FunctionError }
  | { readonly type: "result"; readonly requestId: string; readonly payload: string }
  | { readonly type: "error"; readonly requestId: string; readonly error: FunctionError };
