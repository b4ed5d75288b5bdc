/** Source type `rest_api`: dlt's declarative REST configs (dlt: `rest_api_source`). */
import type { SourceType } from "../source";
import { authSettings } from "./auth-settings";
import { checkConfig } from "./check";
import { referenceShape } from "./reference-shape";
import { secretPointers } from "./secrets";

export const restApi: SourceType = {
  type: "rest_api",
  shape: referenceShape,
  check: checkConfig,
  secretPointers,
  settings: authSettings,
  create: (source, surroundings) =>
    (require("./create") as typeof import("./create")).create(source, surroundings),
};
