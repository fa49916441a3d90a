/** How a server is found and reached: addresses, the environment, TLS, and where a token goes. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectPlain, createServer } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";

import { connect, RunnelError, UnreachableError } from "../src/index.js";
import { parseAddress } from "../src/node/address.js";
import { strangerAt } from "../src/node/listeners.js";
import { liar, needsServer, server as real } from "./helpers.js";

const folder = mkdtempSync(join(tmpdir(), "runnel-js-"));
const pem = new URL("../../../src/main/sh/training/", import.meta.url);
const needsPem = { skip: !existsSync(pem) && "the checkout's certificates are not here" };
const closing = [];

afterEach(async () => {
  for (const name of Object.keys(process.env)) {
    if (/^RUNNEL_(?!TEST_)/.test(name)) {
      delete process.env[name];
    }
  }
  for (const one of closing.splice(0).reverse()) {
    await one.close();
  }
});

after(() => rmSync(folder, { recursive: true }));

/** Passes on to a server, over whatever the listener speaks. */
async function relay(listener, target, ...where) {
  const [host, port] = target.split(":");
  listener.on("connection", () => {});
  listener.on(listener.setSecureContext ? "secureConnection" : "connection", (socket) => {
    const to = connectPlain(Number(port), host);
    socket.pipe(to).pipe(socket);
    socket.on("error", () => to.destroy());
    to.on("error", () => socket.destroy());
  });
  listener.on("tlsClientError", () => {});
  await new Promise((resolve) => listener.listen(...where, resolve));
  closing.push({ close: () => listener.close() });
  return listener.address().port;
}

/** A server that takes note of tokens. */
async function noting() {
  const tokens = [];
  const server = await liar(
    (peer, header) => {
      tokens.push(header.token);
      peer.end();
    },
    { hello: null },
  );
  closing.push(server);
  return { tokens, server };
}

test("addresses are read as the command line reads them", () => {
  const good = {
    host: { host: "host", port: 7866 },
    "host:1": { host: "host", port: 1 },
    "1.2.3.4:65535": { host: "1.2.3.4", port: 65_535 },
    "[::1]": { host: "::1", port: 7866 },
    "[fe80::1%eth0]:77": { host: "fe80::1%eth0", port: 77 },
    "unix:/run/s": { path: "/run/s" },
  };
  for (const [text, expected] of Object.entries(good)) {
    assert.deepEqual(parseAddress(text, "address"), expected, text);
  }
  for (const text of ["", "unix:", ":1", "host:", "host:0", "host:65536", "host:x", "http://host", "::1", "/run/s", "a b", "u@h", "[::1", "[::1]x"]) {
    assert.throws(() => parseAddress(text, "RUNNEL_HOST"), { name: "TypeError", message: /^RUNNEL_HOST: / }, text);
  }
});

test("RUNNEL_HOST names the server where the call does not", needsServer, async () => {
  process.env.RUNNEL_HOST = real;
  const client = await connect();
  closing.push(client);
  assert.equal((await client.run("echo hi")).stdout, "hi\n");
});

test("a Unix socket is a way in, and the default one of this user is found", needsServer, async () => {
  const path = join(folder, "s");
  await relay(createServer(), real, path);
  const client = await connect(`unix:${path}`);
  closing.push(client);
  assert.equal((await client.run("cat", { input: "hi" })).stdout, "hi");
  assert.equal(client.options.lingerMs, 0);
  process.env.XDG_RUNTIME_DIR = folder;
  await assert.rejects(connect(), RunnelError);
  delete process.env.XDG_RUNTIME_DIR;
});

test("TLS checks the server's certificate and name", { skip: needsServer.skip || needsPem.skip }, async () => {
  const key = readFileSync(new URL("server.pem", pem));
  const ca = readFileSync(new URL("ca.pem", pem));
  const port = await relay(createTlsServer({ key, cert: key }), real, 0, "127.0.0.1");
  const client = await connect(`127.0.0.1:${port}`, { tls: { ca } });
  closing.push(client);
  const big = await client.run("seq 300000");
  assert.equal(big.stdout.length, 1_988_895);
  process.env.RUNNEL_CA = join(folder, "ca.pem");
  await assert.rejects(connect(`127.0.0.1:${port}`), /RUNNEL_CA/);
  writeFileSync(process.env.RUNNEL_CA, ca);
  const preset = await connect(`127.0.0.1:${port}`);
  closing.push(preset);
  assert.equal((await preset.run("exit 3")).exitCode, 3);
  await assert.rejects(connect(`127.0.0.1:${port}`, { tls: { ca, servername: "other.example" } }), UnreachableError);
  delete process.env.RUNNEL_CA;
  await assert.rejects(connect(`127.0.0.1:${port}`, { tls: true }), UnreachableError);
  await assert.rejects(connect(`127.0.0.1:${port}`, { tls: { ca, rejectUnauthorized: false } }), TypeError);
  await assert.rejects(connect(real, { tls: { ca } }), UnreachableError);
});

test("a token goes to a listener of our own on this machine", async () => {
  const { tokens, server } = await noting();
  await assert.rejects(connect(server.address, { token: "s3cret" }), UnreachableError);
  process.env.RUNNEL_TOKEN = " preset\n";
  await assert.rejects(connect(server.address), UnreachableError);
  delete process.env.RUNNEL_TOKEN;
  process.env.RUNNEL_TOKEN_FILE = join(folder, "token");
  await assert.rejects(connect(server.address), /RUNNEL_TOKEN_FILE/);
  writeFileSync(process.env.RUNNEL_TOKEN_FILE, "of a file\nmore\n");
  await assert.rejects(connect(server.address), UnreachableError);
  assert.deepEqual(tokens, ["s3cret", "preset", "of a file"]);
});

test("a token does not cross a network in clear", async () => {
  await assert.rejects(connect("192.0.2.1", { token: "s3cret" }), /in clear/);
  const own = Object.values(networkInterfaces()).flat().find((one) => !one.internal && one.family === "IPv4");
  if (own) {
    await assert.rejects(connect(own.address, { token: "s3cret" }), /in clear/);
  }
});

test("a token does not go to another user who took the port", { skip: process.getuid() !== 0 && "it needs root" }, async () => {
  const listens = "const s=require('net').createServer(c=>{c.on('data',d=>console.log('GOT '+d))});s.listen(0,'127.0.0.1',()=>console.log(s.address().port))";
  const other = spawn(process.execPath, ["-e", listens], { uid: 65_534, cwd: "/", env: {} });
  closing.push({ close: () => other.kill() });
  let said = "";
  other.stdout.on("data", (chunk) => (said += chunk));
  while (!said.includes("\n")) {
    await new Promise((resolve) => other.stdout.once("data", resolve));
  }
  const port = parseInt(said, 10);
  await assert.rejects(connect(`127.0.0.1:${port}`, { token: "s3cret" }), /65534 listens there.*not sent/);
  assert.doesNotMatch(said, /GOT/);
});

test("who listens at an address is found as the kernel writes it", { skip: !existsSync("/proc/net/tcp") && "no /proc" }, async () => {
  for (const host of ["127.0.0.1", "0.0.0.0", "::1", "::"]) {
    const listener = createServer();
    const port = await new Promise((resolve) => {
      listener.on("error", () => resolve(undefined));
      listener.listen(0, host, () => resolve(listener.address().port));
    });
    if (port !== undefined) {
      assert.equal(await strangerAt(host.includes(":") ? "::1" : "127.0.0.1", port), undefined, host);
      listener.close();
    }
  }
  assert.match(await strangerAt("127.0.0.1", 1), /can't be told/);
});
