/** `tidemark init`: a project of one's own, the least that runs. */
import { relative, resolve } from "node:path";
import { writeProject } from "../init/write-project";

export async function initCommand(
  folder: string | undefined,
  options: { template: string; json?: boolean },
): Promise<void> {
  const here = process.cwd();
  const written = writeProject(resolve(here, folder ?? "."), options.template);
  if (options.json) {
    process.stdout.write(`${JSON.stringify(written, null, 2)}\n`);
    return;
  }
  const to = relative(here, written.folder);
  process.stdout.write(
    [
      `A project in ${written.folder}:`,
      ...written.files.map(file => `  ${file}`),
      "",
      "Next:",
      ...(to === "" ? [] : [`  cd ${/\s/.test(to) ? JSON.stringify(to) : to}`]),
      "  npm install && npx tidemark setup",
      `  npx tidemark run ${written.pipeline}`,
      "",
    ].join("\n"),
  );
}
