import { expect } from "chai";
import { sampleTrace, traceText } from "../sample-trace.js";
import { openWorkplace, type Workplace } from "./run-cli.js";

/** Ends the process at whatever would leave it: a name to resolve, a connection, a server, a datagram. */
const HOOK = `
const refuse = (what) => () => {
  process.stderr.write("NETWORK " + what + "\\n");
  process.exit(99);
};
const net = require("node:net");
const dns = require("node:dns");
net.Socket.prototype.connect = refuse("connect");
net.Server.prototype.listen = refuse("listen");
require("node:dgram").createSocket = refuse("datagram");
for (const name of ["lookup", "resolve", "resolve4", "resolve6"]) {
  dns[name] = dns.promises[name] = refuse(name);
}
globalThis.fetch = refuse("fetch");
`;

describe("the network", () => {
  let place: Workplace;
  before(() => {
    place = openWorkplace();
    place.write("trace.jsonl", traceText(sampleTrace()));
    place.write("hook.cjs", HOOK);
  });
  after(() => {
    place.remove();
  });

  const blocked = (...args: string[]) =>
    place.startWith({ NODE_OPTIONS: "--require ./hook.cjs" }, ...args).ended;

  it("is left alone by place, compare, report and sweep", async () => {
    place.write("grid.yaml", "traces: [trace.jsonl]\nmachines: [{ chiplets: 4 }]\nsolvers: [louvain]\n");
    for (const args of [
      ["place", "trace.jsonl", "--chiplets", "4", "-o", "p.json"],
      ["compare", "trace.jsonl", "--chiplets", "4", "--report", "c.html"],
      ["report", "trace.jsonl", "p.json", "-o", "r.html"],
      ["sweep", "grid.yaml", "--report", "s.html"],
    ]) {
      const { exitCode, stderr } = await blocked(...args);
      expect(exitCode, stderr).to.equal(0);
    }
  });

  it("is what the hook of this test would have seen: a queue is asked for by name", async () => {
    const { exitCode, stderr } = await blocked(
      "place",
      "trace.jsonl",
      "--chiplets",
      "4",
      "--queue",
      "redis://127.0.0.1:1",
    );
    expect([exitCode, stderr.includes("NETWORK connect")]).to.deep.equal([99, true]);
  });
});
