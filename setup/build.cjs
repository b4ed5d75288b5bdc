/** `npm run build`: nothing must be compiled to run; this makes the workflows' bundle, so that a worker starts at once. */
require("tsx/cjs");
const { cacheDir } = require("./tool-paths.js");
const { workflowBundle } = require("../src/workflow-bundle.ts");

workflowBundle(cacheDir(process.env)).then(
  file => console.log(`Workflows: ${file}`),
  error => {
    console.error(error);
    process.exitCode = 1;
  },
);
