export async function greeting(): Promise<string> {
  return "hello";
}
