import { useEffect, useRef, useState } from "preact/hooks";
import { type Problem, request } from "../api/request.ts";
import { forgetToken, keepToken, readToken } from "../api/token.ts";
import type { Write } from "./context.ts";
import { ProblemNote } from "./states.tsx";

/** Confirms a write. Asks for the token if this tab has none or the server refused it. */
export function WriteDialog({ write, close }: { readonly write: Write; readonly close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [needsToken, setNeedsToken] = useState(readToken() === undefined);
  const [token, setToken] = useState("");
  const [reason, setReason] = useState("");
  const [problem, setProblem] = useState<Problem>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);

  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const used = needsToken ? token.trim() : (readToken() ?? "");
    const { method, path } = write;
    const body = write.body?.(reason.trim());
    const answer = await request<unknown>(path, {
      method,
      token: used,
      ...(body === undefined ? {} : { body }),
    });
    setBusy(false);
    if (answer.ok) {
      keepToken(used);
      write.done();
      close();
      return;
    }
    if (answer.problem.status === 401 || answer.problem.status === 403) {
      forgetToken();
      setNeedsToken(true);
    }
    setProblem(answer.problem);
  };

  return (
    <dialog ref={dialog} aria-labelledby="write-title" onClose={close}>
      <form onSubmit={send}>
        <h2 id="write-title">{write.title}</h2>
        <p class="muted">{write.says}</p>
        {write.reasonLabel === undefined ? null : (
          <label class="field">
            {write.reasonLabel}
            <input
              required
              maxLength={200}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </label>
        )}
        {needsToken ? (
          <label class="field">
            Token printed by slabmend serve
            <input
              required
              type="password"
              autocomplete="off"
              value={token}
              onInput={(event) => setToken(event.currentTarget.value)}
            />
          </label>
        ) : null}
        {problem === undefined ? null : <ProblemNote problem={problem} />}
        <div class="buttons">
          <button type="button" class="button" onClick={() => dialog.current?.close()}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={isBusy}>
            {write.confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
