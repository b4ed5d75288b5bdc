/** One configuration, four lanes by folder: `jest test/unit`, `jest test/workflows`, ... */
module.exports = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  // The Databricks lane (npm run test:databricks) has a warehouse to set up and start; the others have none.
  testPathIgnorePatterns: [
    ...(process.env.TIDEMARK_LANE === "databricks"
      ? []
      : ["/contract/destination/databricks", "/test/databricks/"]),
    // The package lane (npm run test:package) installs from the registry.
    ...(process.env.TIDEMARK_LANE === "package" ? [] : ["/test/package/"]),
  ],
  // Many tests wait for real time-outs and servers, so three share two cores well.
  maxWorkers: 3,
  transform: {
    "^.+\\.ts$": [
      "@swc/jest",
      { jsc: { target: "es2022", parser: { syntax: "typescript" } }, module: { type: "commonjs" } },
    ],
  },
  // The package by its own name, as pipelines import it: from its sources.
  moduleNameMapper: { "^tidemark$": "<rootDir>/src/index.ts" },
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  setupFilesAfterEnv: ["<rootDir>/test/support/retry-in-ci.ts"],
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  // A test that failed half-way may leave a server open: the run must end all the same.
  forceExit: true,
  // Only a watch: it ends a test that hangs, and must not judge how busy the machine is.
  testTimeout: 300_000,
};
