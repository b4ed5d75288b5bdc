/** Shapes of the options that all destinations share, and what a secret may be. */
import { z } from "zod";
import { TidemarkError } from "../pipeline/errors";
import type { SecretRef } from "../pipeline/spec";
import type { DestinationSetting } from "./destination";

export const text = z.string().min(1);

/** A literal, or the name of what holds it. */
export const secret = z.union([text, z.object({ env: text }), z.object({ dlt_secret: text })]);

const positive = z.number().int().positive();

export const sharedOptions = {
  destination_name: text.optional(),
  /** dlt: a label of its own, which changes nothing that is loaded. */
  environment: z.string().optional(),
  replace_strategy: z.enum(["truncate-and-insert", "insert-from-staging", "staging-optimized"]).optional(),
  create_indexes: z.boolean().optional(),
  staging_dataset_name_layout: z
    .string()
    .refine(layout => layout.includes("%s"), 'must hold "%s", which stands for the dataset name')
    .optional(),
  enable_dataset_name_normalization: z.boolean().optional(),
};

export const identifierLengths = {
  max_identifier_length: positive.optional(),
  max_column_identifier_length: positive.optional(),
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
