/**
 * The programs that Tidemark starts (Temporal, dbt, PostgreSQL), as set-up found or installed them.
 * The look-ups live in setup/, because set-up needs them before TypeScript can run.
 */
export { cacheDir, findOnPath, type ToolPaths, toolPaths, venvPython } from "../setup/tool-paths";
