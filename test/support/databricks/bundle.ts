/** databricks.yml and app.yaml, read strictly: the fields that we use, as Databricks documents them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { REPOSITORY } from "../project";

const text = z.string().min(1);
const secret = z.strictObject({ scope: text, key: text, permission: z.enum(["READ", "WRITE", "MANAGE"]) });
const appResource = z.union([
  z.strictObject({
    name: text,
    sql_warehouse: z.strictObject({ id: text, permission: z.enum(["CAN_MANAGE", "CAN_USE", "IS_OWNER"]) }),
  }),
  z.strictObject({
    name: text,
    uc_securable: z.strictObject({
      securable_type: z.literal("VOLUME"),
      securable_full_name: text,
      permission: z.enum(["READ_VOLUME", "WRITE_VOLUME"]),
    }),
  }),
  z.strictObject({ name: text, secret }),
]);
const task = z.strictObject({
  task_key: z.string().regex(/^[\w-]{1,100}$/),
  environment_key: text,
  max_retries: z.int().min(-1).optional(),
  run_if: z
    .enum([
      "ALL_SUCCESS",
      "ALL_DONE",
      "NONE_FAILED",
      "AT_LEAST_ONE_SUCCESS",
      "ALL_FAILED",
      "AT_LEAST_ONE_FAILED",
    ])
    .optional(),
  depends_on: z.array(z.strictObject({ task_key: text })).optional(),
  spark_python_task: z.strictObject({ python_file: text, parameters: z.array(text) }).optional(),
  dbt_task: z
    .strictObject({
      project_directory: text,
      warehouse_id: text,
      catalog: text,
      schema: text,
      commands: z.array(z.string().startsWith("dbt ")).min(1),
    })
    .optional(),
});
const bundleShape = z.strictObject({
  bundle: z.strictObject({ name: text }),
  sync: z.strictObject({
    exclude: z.array(text),
    include: z.array(text).optional(),
    paths: z.array(text).optional(),
  }),
  variables: z.record(text, z.strictObject({ description: text, default: z.string().optional() })),
  resources: z.strictObject({
    apps: z
      .record(
        text,
        z.strictObject({
          name: text,
          description: text,
          source_code_path: text,
          resources: z.array(appResource),
        }),
      )
      .optional(),
    jobs: z.record(
      text,
      z.strictObject({
        name: text,
        max_concurrent_runs: z.int().min(0),
        schedule: z.strictObject({
          quartz_cron_expression: text,
          timezone_id: text,
          pause_status: z.enum(["PAUSED", "UNPAUSED"]),
        }),
        environments: z.array(
          z.strictObject({
            environment_key: text,
            spec: z.strictObject({ environment_version: text, dependencies: z.array(text) }),
          }),
        ),
        tasks: z.array(task),
      }),
    ),
  }),
  targets: z.record(
    text,
    z.strictObject({
      mode: z.enum(["development", "production"]),
      default: z.boolean().optional(),
      variables: z.record(text, text).optional(),
      workspace: z.strictObject({ root_path: text }).optional(),
    }),
  ),
});
const appShape = z.strictObject({
  command: z.array(text).min(1),
  env: z.array(
    z.union([z.strictObject({ name: text, value: text }), z.strictObject({ name: text, valueFrom: text })]),
  ),
});

export type Bundle = z.infer<typeof bundleShape>;
export type BundleTask = z.infer<typeof task>;

const read = (file: string): unknown => parse(readFileSync(join(REPOSITORY, file), "utf8"));

/** @throws ZodError naming the field that is not as Databricks wants it */
export function readBundle(file = "databricks.yml"): Bundle {
  return bundleShape.parse(read(file));
}

export function readApp(): z.infer<typeof appShape> {
  return appShape.parse(read("app.yaml"));
}

/**
 * The text with `${…}` (of the bundle) and `{{…}}` (of the job's run) filled in.
 * @throws Error for a reference that nothing defines
 */
export function filled(value: string, values: { [reference: string]: string }): string {
  return value.replace(
    /\$\{([^}]+)\}|\{\{([^}]+)\}\}/g,
    (whole, ofBundle: string | undefined, ofRun: string | undefined) => {
      const found = values[ofBundle ?? ofRun ?? ""];
      if (found === undefined) throw new Error(`Nothing defines ${whole}.`);
      return found;
    },
  );
}
