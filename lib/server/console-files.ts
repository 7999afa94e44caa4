import type { FastifyInstance } from "fastify";

/** A file of the console. */
export interface ConsoleFile {
  readonly content: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** Its name changes with its content, so it may be cached. */
  readonly immutable: boolean;
}

/** The only paths that are served. They are not read from a file system, so `..` leads nowhere. */
export function addConsoleFiles(server: FastifyInstance, files: ReadonlyMap<string, ConsoleFile>): void {
  for (const [path, { content, type, etag, immutable }] of files) {
    const cache = immutable ? "public, max-age=31536000, immutable" : "no-cache";
    server.get(path, async (request, reply) => {
      reply.header("etag", etag).header("cache-control", cache);
      if (request.headers["if-none-match"] === etag) return reply.code(304).send();
      return reply.type(type).send(Buffer.from(content));
    });
  }
}
