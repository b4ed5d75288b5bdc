/** Source type `rest_api`: dlt's declarative REST configs (dlt: `rest_api_source`). */
import type { SourceType } from "../source";
import { authSettings } from "./auth-settings";
import { checkConfig } from "./check";
import { referenceShape } from "./reference-shape";
import { secretPointers } from "./secrets";

const EXAMPLE = `pipeline_name: issues
source:
  type: rest_api
  client:
    base_url: https://api.example.com/v1/
    auth: { type: bearer, token: { env: EXAMPLE_TOKEN } }
    paginator: { type: page_number, base_page: 1, total_path: pages }
  resource_defaults: { primary_key: id, write_disposition: merge }
  resources:
    - projects
    - name: issues
      endpoint:
        path: issues
        params: { since: "{incremental.start_value}" }
        incremental: { cursor_path: updated_at, initial_value: "2026-01-01T00:00:00Z" }
    - name: comments
      endpoint: issues/{resources.issues.id}/comments
      include_from_parent: [id]`;

export const restApi: SourceType = {
  type: "rest_api",
  shape: referenceShape,
  example: EXAMPLE,
  check: checkConfig,
  secretPointers,
  settings: authSettings,
  create: (source, surroundings) =>
    (require("./create") as typeof import("./create")).create(source, surroundings),
};
