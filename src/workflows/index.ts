/** All workflows, gathered for the bundler. Nothing else is exported: every name here is a workflow type. */
export { hostPackages } from "./host-packages";
export { load } from "./load";
export { pipeline } from "./pipeline";
