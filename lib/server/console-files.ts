import type { FastifyInstance } from "fastify";

/** A file of the console. */
export interface ConsoleFile {
  readonly content: Uint8Array;
  readonly type: string;
  readonly etag: string;
  /** True: the file's name changes with its content, so browsers may cache the file. */
  readonly immutable: boolean;
}

/** Serves only the paths in `files`. Their content is in memory, so no path with `..` can reach a file on disk. */
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
