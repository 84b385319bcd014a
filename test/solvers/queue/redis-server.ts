import { execFileSync, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Whether there is a redis-server to start. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

/** A Redis of a test alone, on a loopback port that was free. */
export interface TestRedis {
  readonly url: string;
  /** Kills it with what it knows, unless it saved, does something without it, and starts it again on the same port. */
  restart(options?: { saves: boolean; without?: () => Promise<void> }): Promise<void>;
  /** Every key and value that it holds, as text. */
  dump(): string;
  stop(): Promise<void>;
}

export interface TestRedisOptions {
  readonly password?: string;
  /** Whether it speaks TLS, with a certificate of its own making. */
  readonly tls?: boolean;
}

/** File with the certificate that a TLS Redis of {@link startRedis} is known by. */
export interface TlsRedis extends TestRedis {
  readonly certificate: string;
}

export async function startRedis({ password, tls = false }: TestRedisOptions = {}): Promise<TlsRedis> {
  const folder = mkdtempSync(join(tmpdir(), "moeplace-redis-"));
  const port = await freePort();
  const certificate = join(folder, "certificate.pem");
  const key = join(folder, "key.pem");
  if (tls) {
    execFileSync(
      "openssl",
      [
        ...[
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:prime256v1",
          "-nodes",
          "-days",
          "2",
        ],
        ...["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
        ...["-keyout", key, "-out", certificate],
      ],
      { stdio: "ignore" },
    );
  }
  const ports = tls
    ? [
        "--port",
        "0",
        "--tls-port",
        `${port}`,
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
      ]
    : ["--port", `${port}`];
  const open = async (): Promise<ChildProcess> => {
    const child = spawn(
      "redis-server",
      [
        ...ports,
        ...["--bind", "127.0.0.1", "--dir", folder, "--save", "", "--appendonly", "no"],
        ...(password === undefined ? [] : ["--requirepass", password]),
      ],
      { stdio: ["ignore", "pipe", "ignore"] },
    );
    await new Promise<void>((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        if (text.includes("Ready to accept connections")) resolve();
      });
      child.once("exit", () => {
        reject(new Error("redis-server ended"));
      });
    });
    return child;
  };
  let child = await open();
  const stopChild = async () => {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await gone;
  };
  const cli = (...args: string[]) =>
    execFileSync(
      "redis-cli",
      [...["-p", `${port}`, ...(tls ? ["--tls", "--cacert", certificate, "-h", "localhost"] : [])], ...args],
      {
        encoding: "utf8",
        env: { ...process.env, ...(password !== undefined && { REDISCLI_AUTH: password }) },
      },
    );
  const host = tls ? "localhost" : "127.0.0.1";
  return {
    url: `${tls ? "rediss" : "redis"}://${password === undefined ? "" : `:${password}@`}${host}:${port}`,
    certificate,
    async restart({ saves, without } = { saves: false }) {
      if (saves) cli("save");
      await stopChild();
      if (!saves) rmSync(join(folder, "dump.rdb"), { force: true });
      await without?.();
      child = await open();
    },
    dump() {
      const keys = cli("--raw", "keys", "*").split("\n").filter(Boolean);
      const read: Record<string, string[]> = {
        hash: ["hgetall"],
        string: ["get"],
        stream: ["xrange", "-", "+"],
        set: ["smembers"],
        list: ["lrange", "0", "-1"],
        zset: ["zrange", "0", "-1"],
      };
      return keys
        .map((name) => {
          const [command, ...range] = read[cli("type", name).trim()] ?? ["type"];
          return `${name}\n${cli("--raw", command, name, ...range)}`;
        })
        .join("\n");
    },
    async stop() {
      await stopChild();
      rmSync(folder, { recursive: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => {
        resolve(port);
      });
    });
  });
}
