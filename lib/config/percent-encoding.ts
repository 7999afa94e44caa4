/** The client library decodes these parts of a database URL and throws a bare URIError if that fails. */
export function isPercentEncoded({ username, password, hostname }: URL): boolean {
  try {
    for (const part of [username, password, hostname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
