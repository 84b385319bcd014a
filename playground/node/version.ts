/** Put in by the build. */
declare const VERSION: string;

/** The version in package.json. */
export function readVersion(): string {
  return VERSION;
}
