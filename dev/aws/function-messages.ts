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
  /** Milliseconds since 1970, the clock that both processes share. */
  readonly deadlineMs: number;
  readonly functionName: string;
  readonly functionArn: string;
  readonly memoryMb: number;
}

/** The form in which Lambda returns an error as payload. */
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
