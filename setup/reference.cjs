/** `npm run reference`: docs/spec.md and the JSON Schema of specs, from the shapes in src/ as they are built. */
const { mkdirSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { pipelineSchema, specPage } = require("../dist/spec/spec-reference.js");

const root = join(__dirname, "..");
mkdirSync(join(root, "schema"), { recursive: true });
writeFileSync(join(root, "schema", "pipeline.schema.json"), `${JSON.stringify(pipelineSchema())}\n`);
writeFileSync(join(root, "docs", "spec.md"), specPage());
