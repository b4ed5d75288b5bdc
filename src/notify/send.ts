/** Delivers one notice to one receiver, within seconds. Messages of errors name the receiver by its place in the spec. */
import { TidemarkError } from "../pipeline/errors";
import type { NetworkSettings } from "../pipeline/network";
import type { NotifySpec } from "../pipeline/notices";
import { startGroup } from "../processes/process-group";
import { Transport } from "../sources/http/transport";
import type { NoticePayload } from "./payload";

export interface SendOptions {
  /** The receiver in the spec, as `notify[0]`. */
  where: string;
  signal: AbortSignal;
  network: NetworkSettings;
  env: Record<string, string>;
  cwd: string;
  /** For tests; default 10 s for a webhook, 30 s for a command. */
  timeoutMs?: number;
}

const WEBHOOK_MS = 10_000;
const COMMAND_MS = 30_000;

/**
 * @param receiver with its secrets in place of their references
 * @throws TidemarkError NOTICE_FAILED, NOTICE_REFUSED; the signal's reason when aborted
 */
export async function sendNotice(
  receiver: NotifySpec,
  payload: NoticePayload,
  options: SendOptions,
): Promise<void> {
  const body = JSON.stringify(payload);
  if (receiver.webhook !== undefined) await post(receiver, body, options);
  else if (receiver.command !== undefined) await run(receiver.command, body, options);
}

async function post(
  { webhook, headers = {} }: NotifySpec,
  body: string,
  { where, signal, network, timeoutMs = WEBHOOK_MS }: SendOptions,
): Promise<void> {
  const what = `The webhook of ${where}`;
  const url = parsed(String(webhook));
  if (url === undefined) {
    throw new TidemarkError("NOTICE_REFUSED", `${what} is no http or https URL. Correct what it names.`);
  }
  const late = AbortSignal.timeout(timeoutMs);
  const transport = new Transport({ tls: {}, proxies: {}, network, signal: AbortSignal.any([signal, late]) });
  try {
    const { status } = await transport.exchange({
      origin: url.origin,
      path: url.pathname + url.search,
      method: "POST",
      headers: { "content-type": "application/json", ...(headers as { [name: string]: string }) },
      body,
      what,
    });
    if (status >= 200 && status < 300) return;
    const passing = status >= 500 || status === 429 || status === 408;
    throw new TidemarkError(
      passing ? "NOTICE_FAILED" : "NOTICE_REFUSED",
      `${what} answered ${status}.${passing ? "" : " Check its URL, its headers, and what the receiver takes."}`,
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TidemarkError && error.code.startsWith("NOTICE_")) throw error;
    // What Node says may name the URL.
    const why = late.aborted
      ? `did not answer within ${timeoutMs / 1000} s`
      : `was not reached (${codeOf(error)})`;
    throw new TidemarkError("NOTICE_FAILED", `${what} ${why}.`, { cause: error });
  } finally {
    await transport.close();
  }
}

async function run(
  [file, ...args]: string[],
  body: string,
  { where, signal, env, cwd, timeoutMs = COMMAND_MS }: SendOptions,
): Promise<void> {
  const what = `The command of ${where} (${file})`;
  const program = await startGroup(file!, args, { env, cwd, fds: ["pipe", "ignore", "ignore"] }).catch(
    error => {
      throw new TidemarkError("NOTICE_REFUSED", `${what} could not be started (${codeOf(error)}).`);
    },
  );
  const late = AbortSignal.timeout(timeoutMs);
  const stop = () => program.kill("SIGKILL");
  const ends = AbortSignal.any([signal, late]);
  ends.addEventListener("abort", stop);
  // A program that does not read its input closes the pipe.
  program.child.stdin!.on("error", () => {});
  const ended = new Promise<number | string | null>(done =>
    program.child.once("close", (code, by) => done(code ?? by)),
  );
  program.child.stdin!.end(body);
  if (ends.aborted) stop();
  const code = await ended;
  ends.removeEventListener("abort", stop);
  signal.throwIfAborted();
  if (code === 0) return;
  const why = late.aborted ? `did not end within ${timeoutMs / 1000} s` : `ended with ${code}`;
  throw new TidemarkError("NOTICE_FAILED", `${what} ${why}.`);
}

function parsed(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? "no code";
