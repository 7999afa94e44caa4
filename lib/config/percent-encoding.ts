/** False if user name, password or host cannot be decoded: the client library would throw a bare URIError. */
export function isPercentEncoded({ username, password, hostname }: URL): boolean {
  try {
    for (const part of [username, password, hostname]) decodeURIComponent(part);
    return true;
  } catch {
    return false;
  }
}
