/** Asks any program for an opinion on a packet: an LLM client, a mailer. It reads the prompt and owns no decision. */
import { spawn } from "node:child_process";
import { plainText } from "../transform/safe-message";

const MAX_ANSWER = 64 * 1024;

export interface ReviewOptions {
  timeoutMs: number;
  env: Record<string, string>;
}

export type ReviewAnswer = { ok: true; text: string } | { ok: false; problem: string };

/**
 * Splits one command text into program and arguments: blanks part, single and double quotes keep together, a backslash
 * takes the next character as it is (not inside single quotes). No variables, no globs, no shell.
 * @throws Error for an open quote or an empty command
 */
export function splitCommand(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < command.length; i++) {
    const c = command[i]!;
    if (c === "\\" && quote !== "'" && i + 1 < command.length) word = (word ?? "") + command[++i];
    else if (quote !== "" && c === quote) quote = "";
    else if (quote !== "") word = (word ?? "") + c;
    else if (c === "'" || c === '"') {
      quote = c;
      word = word ?? "";
    } else if (/\s/.test(c)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + c;
  }
  if (quote !== "") throw new Error(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new Error("the command is empty");
  return words;
}

/** Pipes the prompt to the program. Never throws: an opinion that does not come is no reason to fail. */
export function reviewWith(command: string[], prompt: string, options: ReviewOptions): Promise<ReviewAnswer> {
  const [file, ...args] = command;
  if (file === undefined) return Promise.resolve({ ok: false, problem: "the command is empty" });
  return new Promise(resolve => {
    const child = spawn(file, args, { env: options.env, stdio: ["pipe", "pipe", "ignore"], detached: true });
    let answer = "";
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      killGroup(child.pid);
    }, options.timeoutMs);
    child.stdout.setEncoding("utf8");
    child.stdout.on("data", (text: string) => {
      if (answer.length < MAX_ANSWER) answer += text;
    });
    // A program that does not read its input closes the pipe.
    child.stdin.on("error", () => {});
    child.stdin.end(prompt);
    child.once("error", error => {
      clearTimeout(timer);
      resolve({
        ok: false,
        problem: `${file} could not be started (${(error as NodeJS.ErrnoException).code})`,
      });
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      if (late)
        resolve({ ok: false, problem: `${file} did not answer within ${options.timeoutMs / 1000} s` });
      else if (code !== 0)
        resolve({ ok: false, problem: `${file} ended with ${signal ?? `exit code ${code}`}` });
      else resolve({ ok: true, text: plainText(answer.slice(0, MAX_ANSWER)).trim() });
    });
  });
}

/** Markdown to append to a packet. The answer is quoted line by line, so that it cannot pass for a part of the packet. */
export function renderAnswer(command: string[], answer: ReviewAnswer): string {
  const body = answer.ok
    ? (answer.text || "(no words)").split(/\r?\n/).map(line => `> ${line}`)
    : [`No answer: ${answer.problem}.`];
  return [
    "",
    "## Reviewer's answer",
    "",
    `From \`${command[0]}\`. An opinion; the decision stands.`,
    "",
    ...body,
    "",
  ].join("\n");
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}
