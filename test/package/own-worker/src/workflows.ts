export * from "tidemark/workflows";
export * from "./nightly";
