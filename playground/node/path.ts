/** What is used of node:path, for names with slashes. */
export function basename(path: string, ending = ""): string {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return name.endsWith(ending) ? name.slice(0, name.length - ending.length) : name;
}

export function dirname(path: string): string {
  const end = path.lastIndexOf("/");
  return end === -1 ? "." : path.slice(0, end);
}

export function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "" && part !== ".").join("/");
}
