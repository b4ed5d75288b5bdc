/**
 * The contract of a destination, run over the real vendor: strategies with their counts, evolution, retries, several
 * pipelines in one dataset. A second destination runs the same suite through its own harness.
 */
import { describeKeyedMerges } from "./describe-keyed-merges";
import { describeMetricNumbers } from "./describe-metric-numbers";
import { describePackageBase } from "./describe-package-base";
import { describePlainAndMerge } from "./describe-plain-and-merge";
import { describeSchemaAndState } from "./describe-schema-and-state";
import type { CreateHarness } from "./destination-kit";

export function describeDestination(name: string, create: CreateHarness): void {
  describe(`${name} as a destination`, () => {
    describe("rows", () => describePlainAndMerge(create));
    describe("keys", () => describeKeyedMerges(create));
    describe("what a package was begun from", () => describePackageBase(create));
    describe("a metric's number", () => describeMetricNumbers(create));
    describe("schema and state", () => describeSchemaAndState(create));
  });
}
