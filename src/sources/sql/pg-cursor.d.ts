/** The part of pg-cursor that is used here; the package brings no types. */
declare module "pg-cursor" {
  import type { Connection, FieldDef, Submittable } from "pg";

  interface CursorResult {
    fields: FieldDef[];
  }
  interface CursorConfig {
    rowMode: "array";
    types: { getTypeParser: () => (text: string) => string };
  }
  class Cursor implements Submittable {
    constructor(text: string, values: readonly (string | null)[], config: CursorConfig);
    submit(connection: Connection): void;
    read(
      maxRows: number,
      callback: (error: Error | null, rows?: (string | null)[][], result?: CursorResult) => void,
    ): void;
    close(): Promise<void>;
  }
  export = Cursor;
}
