import { type Finding, type Secret, searchSecrets } from "./search-secrets.ts";

/** Matches the test's name, which recorder.ts appends to the name of a place. */
const TEST = /, in ".*"$/s;

/**
 * Lists which secrets were found where, one per line. It never prints a secret, even if the name of a place contains
 * the secret.
 */
export function describeFindings(findings: readonly Finding[], secrets: readonly Secret[]): string {
  const byPlace = Map.groupBy(findings, ({ secret, where }) => `${secret} in ${where.replace(TEST, "")}`);
  const lines = [...byPlace.values()].map((same) => {
    const [{ secret, form, where }] = same.toSorted((a, b) => a.form.length - b.form.length) as [Finding];
    const isNameSecret = searchSecrets(secrets, [{ where: "", text: where }]).length > 0;
    const others = new Set(same.map((finding) => finding.where)).size - 1;
    return (
      `${secret} (${form}) in ${isNameSecret ? "a place whose name holds a secret" : where}` +
      (others === 0 ? "" : `, and in ${others} more`)
    );
  });
  return `secrets have left the code under test:\n${lines
    .sort()
    .map((line) => `  ${line}`)
    .join("\n")}`;
}
