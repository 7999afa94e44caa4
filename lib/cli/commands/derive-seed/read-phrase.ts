import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { OperatorError } from "../../../errors/operator-error.ts";
import { Secret } from "../../../secret/secret.ts";
import type { OperatorIo } from "../../command/operator-io.ts";

/** Twelve words of at most eight letters are 107 bytes; far longer input is not a phrase. */
const MAX_PHRASE_BYTES = 1_024;

/** Reads the recovery phrase from standard input; at a terminal it asks for the phrase and does not echo. */
export async function readPhrase({ stdin, stderr, signal }: OperatorIo): Promise<Secret<string>> {
  if (stdin.isTTY === true) {
    // readline handles line editing; its output is discarded so that nothing is echoed.
    const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
    const lines = createInterface({ input: stdin, output: nowhere, terminal: true });
    // Asks only now, in raw mode: before raw mode, the terminal shows what is typed.
    stderr.write("Recovery phrase (twelve words, not shown): ");
    try {
      // At a terminal in raw mode Ctrl+C is a key, not a signal.
      const interrupted = new Promise<never>((_resolve, reject) => {
        lines.once("SIGINT", () => reject(new DOMException("Ctrl+C", "AbortError")));
      });
      return new Secret(await Promise.race([lines.question("", { signal }), interrupted]));
    } finally {
      lines.close();
      stderr.write("\n");
    }
  }
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as string | Uint8Array);
    sizeBytes += bytes.length;
    if (sizeBytes > MAX_PHRASE_BYTES) throw missing(`more than ${MAX_PHRASE_BYTES} bytes`);
    chunks.push(bytes);
  }
  if (sizeBytes === 0) throw missing("nothing");
  return new Secret(Buffer.concat(chunks).toString("utf8"));
}

function missing(got: string): OperatorError {
  return new OperatorError({
    code: "phrase-missing",
    message: `standard input: expected a recovery phrase of twelve words, got ${got}`,
    remedy: "Type it when asked, or pipe it in: slabmend derive-seed < phrase.txt",
  });
}
