/**
 * The SDK's own way to a Temporal server: it downloads the CLI that fits this SDK, and starts it once.
 * A process of its own, so that set-up can bound it in time. Argument: the folder to download into.
 */
const { TestWorkflowEnvironment } = require("@temporalio/testing");

const downloadDir = process.argv[2];
TestWorkflowEnvironment.createLocal({ server: { executable: { type: "cached-download", downloadDir } } })
  .then(environment => environment.teardown())
  .then(
    () => process.exit(0),
    error => {
      console.error(error.message);
      process.exit(1);
    },
  );
