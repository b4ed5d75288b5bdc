/** The whole shape of a REST source in one piece, for editors and the reference page: checks take its parts one by one. */
import { z } from "zod";
import { hintsShape } from "../resource-hints";
import { AUTHS, client, endpoint, PAGINATORS, resource, source } from "./shapes";

/** A shorthand text, or one of the objects. */
function choiceOf(shapes: { [type: string]: z.ZodType }): z.ZodType {
  const [first, ...more] = Object.keys(shapes);
  return z.union([z.enum([first!, ...more]), ...Object.values(shapes)]);
}

/** With what each key is for, as the parts have it. */
const described = (shape: z.ZodType, part: z.ZodType): z.ZodType => shape.describe(part.description ?? "");
const choicesOf = ({ paginator, auth }: { paginator: z.ZodType; auth: z.ZodType }) => ({
  paginator: described(choiceOf(PAGINATORS).optional(), paginator),
  auth: described(choiceOf(AUTHS).optional(), auth),
});
const wholeEndpoint = z.union([z.string(), endpoint.extend(choicesOf(endpoint.shape))]).optional();
const wholeResource = z.strictObject({
  ...resource.shape,
  ...hintsShape,
  endpoint: described(wholeEndpoint, resource.shape.endpoint),
});

export const referenceShape = z.strictObject({
  ...source.shape,
  client: described(z.strictObject({ ...client.shape, ...choicesOf(client.shape) }), source.shape.client),
  resource_defaults: described(wholeResource.partial().optional(), source.shape.resource_defaults),
  resources: described(z.array(z.union([z.string(), wholeResource])), source.shape.resources),
});
