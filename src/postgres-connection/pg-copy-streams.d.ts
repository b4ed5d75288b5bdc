declare module "pg-copy-streams" {
  import type { Readable, Writable } from "node:stream";
  import type { Submittable } from "pg";
  /** The payload of a COPY … TO STDOUT. */
  export function to(text: string): Readable & Submittable;
  /** Takes the payload of a COPY … FROM STDIN; `rowCount` is known once it is done. */
  export function from(text: string): Writable & Submittable & { rowCount?: number };
}
