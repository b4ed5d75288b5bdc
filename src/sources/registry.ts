/** Every source type, one row each. */
import { codeSource } from "./code/code-source";
import { dltSource } from "./dlt/dlt-source";
import { restApi } from "./rest-api";
import type { SourceType } from "./source";
import { postgresSource, sqlDatabaseSource, sqlTableSource } from "./sql/sql-source";

export const SOURCE_TYPES: readonly SourceType[] = [
  restApi,
  sqlDatabaseSource,
  sqlTableSource,
  postgresSource,
  codeSource,
  dltSource,
];

export function sourceType(type: string): SourceType | undefined {
  return SOURCE_TYPES.find(row => row.type === type);
}
