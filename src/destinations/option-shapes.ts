/** Shapes of the options that all destinations share, and what a secret may be. */
import { z } from "zod";
import { TidemarkError } from "../pipeline/errors";
import type { SecretRef } from "../pipeline/spec";
import type { DestinationSetting } from "./destination";

export const text = z.string().min(1);

/** A literal, or the name of what holds it. */
export const secret = z.union([
  text,
  z.object({ env: text.describe("Variable of the worker's environment") }),
  z.object({ dlt_secret: text.describe("Name in dlt's secrets.toml") }),
]);

const positive = z.number().int().positive();

export const sharedOptions = {
  destination_name: text
    .optional()
    .describe("Name of the destination as the state records it; default: its type"),
  /** dlt: a label of its own, which changes nothing that is loaded. */
  environment: z.string().optional().describe("A label of dlt's; changes nothing that is loaded"),
  replace_strategy: z
    .enum(["truncate-and-insert", "insert-from-staging", "staging-optimized"])
    .optional()
    .describe("How replace empties a table; default: truncate-and-insert"),
  create_indexes: z
    .boolean()
    .optional()
    .describe("Primary keys and unique columns become constraints; default false"),
  staging_dataset_name_layout: z
    .string()
    .refine(layout => layout.includes("%s"), 'must hold "%s", which stands for the dataset name')
    .optional()
    .describe("Name of the dataset that merges are staged in; default: %s_staging"),
  enable_dataset_name_normalization: z
    .boolean()
    .optional()
    .describe("The dataset's name is made snake_case, as in dlt: GitHubData is git_hub_data; default true"),
};

export const identifierLengths = {
  max_identifier_length: positive.optional().describe("Longest name of a table; default: the destination's"),
  max_column_identifier_length: positive
    .optional()
    .describe("Longest name of a column; default: the destination's"),
};

/** dlt's names of the shared options, below `destination.<name>`. */
export const SHARED_SETTINGS: readonly DestinationSetting[] = [
  { key: "replace_strategy", kind: "text" },
  { key: "create_indexes", kind: "boolean" },
  { key: "staging_dataset_name_layout", kind: "text" },
  { key: "enable_dataset_name_normalization", kind: "boolean" },
];

/** dlt's defaults. */
export const SHARED_DEFAULTS = {
  replace_strategy: "truncate-and-insert",
  create_indexes: false,
  staging_dataset_name_layout: "%s_staging",
  enable_dataset_name_normalization: true,
} as const;

/**
 * A literal secret in a spec's file, as a reference into the file.
 * @param example a variable to name instead
 * @throws TidemarkError SPEC_HOLDS_SECRET for an inline spec
 */
export function swapLiteral(
  option: string,
  pointer: string,
  file: string | undefined,
  example: string,
): SecretRef {
  if (file !== undefined) return { spec_ref: { file, pointer } };
  throw new TidemarkError(
    "SPEC_HOLDS_SECRET",
    `The workflow's input holds a literal secret at destination.${option}. It now stands in the server's history: revoke it, ` +
      `then name an environment variable of the worker instead, for example {"env": "${example}"}.`,
  );
}
