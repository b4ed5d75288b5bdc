/**
 * An error that nobody sorted ends the run, with code INTERNAL. Left alone, Temporal repeats the workflow's task for
 * ever, and the run hangs without a word. What goes on as it is: Temporal's own failures (of activities, children,
 * cancellation), and what says that history and code do not fit: that must not end a run which a deploy of the right
 * code can still finish.
 */
import { TemporalFailure } from "@temporalio/common";
import {
  ApplicationFailure,
  ContinueAsNew,
  DeterminismViolationError,
  setHandler as setSdkHandler,
} from "@temporalio/workflow";

/**
 * For `setWorkflowOptions`: the net below the one in code, for what is thrown outside of it (a handler that was set
 * with the SDK's own setHandler). By class, since `Error` would take in errors of determinism too.
 */
export const PROGRAMMING_ERRORS: (new (message?: string) => Error)[] = [
  TypeError,
  RangeError,
  ReferenceError,
  SyntaxError,
  EvalError,
  URIError,
];

/** The body of a workflow. */
export async function coded<T>(workflow: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw sorted(error, `workflow ${workflow}`);
  }
}

/** The SDK's own, with the net: an update is answered with the failure, a signal's ends the run. */
export const setHandler = ((definition: { name: string }, handler?: Handler, options?: never) =>
  setSdkHandler(
    definition as never,
    (handler && answering(definition.name, handler)) as never,
    options as never,
  )) as typeof setSdkHandler;

type Handler = (...args: unknown[]) => unknown;

function answering(name: string, handler: Handler): Handler {
  return (...args) => {
    try {
      const answer = handler(...args);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch(error => {
        throw sorted(error, name);
      });
    } catch (error) {
      throw sorted(error, name);
    }
  };
}

function sorted(error: unknown, where: string): unknown {
  if (error instanceof TemporalFailure || error instanceof ContinueAsNew) return error;
  if (error instanceof DeterminismViolationError) return error;
  const name = error instanceof Error ? error.name : typeof error;
  // Class and place only: what an unknown error says may hold anything.
  const failure = ApplicationFailure.nonRetryable(
    `An error that Tidemark did not expect in ${where} (${name}); the failure's stack has the place. Please report it.`,
    "INTERNAL",
  );
  const frames =
    error instanceof Error ? (error.stack ?? "").split("\n").filter(line => /^\s+at /.test(line)) : [];
  failure.stack = `${failure.name}\n${frames.slice(0, 12).join("\n")}`;
  return failure;
}
