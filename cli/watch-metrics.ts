import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { InputError } from "../index.js";

/** Figures that Prometheus reads. */
export interface WatchMetrics {
  readonly port: number;
  set(values: Readonly<Record<string, number>>): void;
  close(): void;
}

/** What every figure is, in the order in which they are shown. */
const HELP: Readonly<Record<string, string>> = {
  moeplace_checks_total: "Checks of new recordings against the running placement.",
  moeplace_recordings_total: "Recordings read.",
  moeplace_unreadable_recordings_total: "Recordings that could not be read.",
  moeplace_placements_written_total: "Placements written because they are worth it and pay.",
  moeplace_running_step_seconds: "Modelled time of a step under the running placement.",
  moeplace_best_step_seconds: "Modelled time of a step under the best placement within the moves allowed.",
  moeplace_best_moves: "Experts that the best placement moves.",
  moeplace_pay_back_steps: "Steps after which moves and restart have paid for themselves.",
};

/**
 * Serves figures as Prometheus text, to this machine alone.
 *
 * @param port 0 for any that is free.
 * @throws InputError if the port is taken.
 */
export async function serveMetrics(port: number): Promise<WatchMetrics> {
  const values = new Map<string, number>();
  const server = createServer((request, response) => {
    if (request.method !== "GET" || request.url !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    const text = Object.entries(HELP).flatMap(([name, help]) => {
      const value = values.get(name);
      const kind = name.endsWith("_total") ? "counter" : "gauge";
      if (value === undefined) return [];
      const shown = value === Infinity ? "+Inf" : String(value);
      return [`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n${name} ${shown}\n`];
    });
    response.writeHead(200, { "content-type": "text/plain; version=0.0.4" }).end(text.join(""));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      reject(
        new InputError(`--metrics-port: found ${port}, which cannot be had (${error.code ?? "unknown"})`),
      );
    });
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    set(given) {
      for (const [name, value] of Object.entries(given)) values.set(name, value);
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}
