declare module "pg-copy-streams" {
  import type { Readable } from "node:stream";
  import type { Submittable } from "pg";
  /** The payload of a COPY … TO STDOUT. */
  export function to(text: string): Readable & Submittable;
}
