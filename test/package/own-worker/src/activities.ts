export async function greet(name: string): Promise<string> {
  return `Good night, ${name}`;
}
