import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";

import * as browser from "../src/browser.js";
import { connect } from "../src/index.js";
import { name, needsServer, needsWebSockets, server, webSockets } from "./helpers.js";
import { bridge, reverseProxy, SmallWebSocket } from "./websocket-support.js";

const closing = [];

after(async () => {
  for (const one of closing) {
    await one.close();
  }
});

// A browser has one; Node has since 22.
const implementations = [["hand-written", SmallWebSocket]];
if (globalThis.WebSocket) {
  implementations.push(["the platform's", globalThis.WebSocket]);
}
globalThis.crypto ??= (await import("node:crypto")).webcrypto;

for (const [whose, WebSocket] of implementations) {
  test(`jobs run over a WebSocket, ${whose}, below a path of a proxy`, needsWebSockets, async () => {
    const { url, paths, cutAll, close } = await reverseProxy(webSockets, "/runnel");
    closing.push({ close });
    const client = await browser.connect(url, { WebSocket });
    closing.push(client);
    const input = "0123456789".repeat(100_000);
    const echoed = await client.run("cat; echo err >&2; exit 3", { input });
    assert.deepEqual([echoed.exitCode, echoed.stdout === input, echoed.stderr], [3, true, "err\n"]);
    const job = await client.start("read x; seq 100000; echo $x", { stdin: true, job: name() });
    cutAll();
    await job.stdin.write("after the cut\n");
    let last;
    for await (const line of job.lines()) {
      last = line;
    }
    assert.equal(last, "after the cut");
    assert.equal((await job.wait()).exitCode, 0);
    assert.ok(paths.length >= 2 && paths.every((path) => path === "/runnel/v1/frames"));
  });

  test(`output that nobody reads holds its own command back, ${whose}`, needsWebSockets, async () => {
    const client = await browser.connect(`ws://${webSockets}`, { WebSocket });
    closing.push(client);
    const bytes = 50_000_000;
    const job = await client.start(`head -c ${bytes} /dev/zero`, { window: 100_000 });
    for (let i = 0; i < 10; i++) {
      assert.equal((await client.run("echo hi")).stdout, "hi\n");
    }
    const { state, outputBytes } = await client.status(job.id);
    assert.deepEqual([state, outputBytes < bytes / 2], ["running", true], `${outputBytes} bytes`);
    let received = 0;
    for await (const { data } of job.output()) {
      received += data.length;
    }
    assert.equal(received, bytes);
    assert.equal((await job.wait()).exitCode, 0);
  });
}

test("messages of any sizes are a stream of frames", needsServer, async () => {
  const { url, close } = await bridge(server, 1);
  closing.push({ close });
  const client = await browser.connect(url, { WebSocket: SmallWebSocket });
  closing.push(client);
  assert.equal((await client.run("seq 1000")).stdout.length, 3893);
});

test("Node takes a WebSocket's URL, too", needsServer, async () => {
  const { url, close } = await bridge(server, 7);
  closing.push({ close });
  const client = await connect(`${url}/v1/frames`, { WebSocket: SmallWebSocket, token: undefined });
  closing.push(client);
  assert.equal((await client.run("echo hi")).stdout, "hi\n");
});

test("what is no server of frames is told", async () => {
  await assert.rejects(browser.connect("ws://127.0.0.1:1", { WebSocket: SmallWebSocket }), { name: "UnreachableError" });
  await assert.rejects(browser.connect("http://127.0.0.1:1"), TypeError);
  await assert.rejects(browser.connect("ws://far.example", { token: "s3cret", WebSocket: SmallWebSocket }), /in clear/);
  await assert.rejects(connect("ws://192.0.2.1", { token: "s3cret", WebSocket: SmallWebSocket }), /in clear/);
});

test("a message that is not binary ends the connection", async () => {
  class Talker {
    constructor() {
      queueMicrotask(() => {
        this.onopen();
        this.onmessage({ data: "text" });
      });
    }

    bufferedAmount = 0;

    send() {}

    close() {}
  }
  await assert.rejects(browser.connect("ws://127.0.0.1", { WebSocket: Talker }), /not binary/);
});

test("what a browser loads imports nothing of Node's", () => {
  const source = fileURLToPath(new URL("../src", import.meta.url));
  const seen = new Set();
  const follow = (file) => {
    if (!seen.has(file)) {
      seen.add(file);
      for (const [, path] of readFileSync(file, "utf8").matchAll(/^(?:import|export)[^;]*?from "([^"]+)";/gm)) {
        assert.ok(path.startsWith("."), `${file} imports ${path}`);
        follow(join(file, "..", path));
      }
    }
  };
  follow(join(source, "browser.js"));
  const core = readdirSync(join(source, "core")).map((file) => join(source, "core", file));
  assert.ok(core.every((file) => seen.has(file) && statSync(file).size > 0));
  for (const file of seen) {
    const code = readFileSync(file, "utf8").replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    assert.equal(/\b(Buffer|process|require)\b\s*[.(]/.exec(code), null, file);
  }
});
