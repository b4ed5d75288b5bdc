/** The whole shape of a REST source in one piece, for editors and the reference page: checks take its parts one by one. */
import { z } from "zod";
import { hintsShape } from "../resource-hints";
import { AUTHS, client, endpoint, PAGINATORS, resource, source } from "./shapes";

/** A shorthand text, or one of the objects. */
function choiceOf(shapes: { [type: string]: z.ZodType }): z.ZodType {
  const [first, ...more] = Object.keys(shapes);
  return z.union([z.enum([first!, ...more]), ...Object.values(shapes)]);
}

const choices = { paginator: choiceOf(PAGINATORS).optional(), auth: choiceOf(AUTHS).optional() };
const wholeEndpoint = z.union([z.string(), endpoint.extend(choices)]).optional();
const wholeResource = z.strictObject({ ...resource.shape, ...hintsShape, endpoint: wholeEndpoint });

export const referenceShape = z.strictObject({
  ...source.shape,
  client: z.strictObject({ ...client.shape, ...choices }),
  resource_defaults: wholeResource.partial().optional(),
  resources: z.array(z.union([z.string(), wholeResource])),
});
