import { InputError } from "../../lib/errors.js";

/** How to reach a Redis. Holds the password: nothing of it is ever printed but {@link RedisAddress.name}. */
export interface RedisAddress {
  /** Host, port and database, for people. */
  readonly name: string;
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly db: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: { readonly servername: string };
  };
}

const FORM = "redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// for TLS";

/**
 * Reads the address of a Redis.
 *
 * @param password Default for an address without one: what is given in an environment variable is seen by nobody who lists
 *   processes.
 * @throws InputError that does not repeat the address, which may hold a password.
 *
 * @example
 * parseRedisUrl("rediss://:secret@queue.example/2").name; // "queue.example:6379/2"
 */
export function parseRedisUrl(text: string, password?: string): RedisAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const db = url?.pathname.replace(/^\/$/, "").replace(/^\//, "") ?? "";
  const isKnown = url?.protocol === "redis:" || url?.protocol === "rediss:";
  if (url === undefined || !isKnown || url.hostname === "" || !/^\d{0,4}$/.test(db) || url.search !== "") {
    throw new InputError(`queue: found another address, expected ${FORM}`);
  }
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 6379 : Number(url.port);
  const secret = url.password === "" ? password : decodeURIComponent(url.password);
  return {
    name: `${url.hostname}:${port}/${Number(db)}`,
    connection: {
      host,
      port,
      db: Number(db),
      ...(url.username !== "" && { username: decodeURIComponent(url.username) }),
      ...(secret !== undefined && { password: secret }),
      ...(url.protocol === "rediss:" && { tls: { servername: host } }),
    },
  };
}
