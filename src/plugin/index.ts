/** `tidemark/plugin`. */
export type { ProjectSettings } from "../config";
export { SHUTDOWN_GRACE } from "./host-workers";
export { TidemarkPlugin, type TidemarkPluginOptions } from "./tidemark-plugin";
