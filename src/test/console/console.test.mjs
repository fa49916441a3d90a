// The console in headless Chromium, against a real server: node --test src/test/console, which
// ConsoleTest calls. RUNNEL_TEST_PAGE is its address, RUNNEL_TEST_SERVER that
// of its frames over TCP, RUNNEL_TEST_TOKEN what lets in, RUNNEL_TEST_SHOTS a folder for pictures.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { connect as dial, createServer } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";

import { connect } from "../../../clients/js/src/index.js";

const home = new URL("../../../", import.meta.url).pathname;
const { chromium } = createRequire(join(home, "target/console/package.json"))("playwright-core");
const { RUNNEL_TEST_PAGE: address, RUNNEL_TEST_TOKEN: token, RUNNEL_TEST_SHOTS: shots } = process.env;

const HOSTILE = [
  "<img src=x onerror=window.hurt=1>",
  "<script>window.hurt=1</script>",
  "\"><svg onload=window.hurt=1>",
  "javascript:window.hurt=1",
  "</code></td><iframe srcdoc='<script>parent.hurt=1</script>'>",
  "{{constructor.constructor('window.hurt=1')()}}",
  "\u202egnp.exe",
  "a\u0007\u001b]0;x\u0007b",
];

let browser;
let proxy;
let page;
let client;
const complaints = [];

before(async () => {
  proxy = await cutting(new URL(address));
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: [...args, "--disable-dev-shm-usage", "--disable-gpu"] });
  await open();
  client = await connect(process.env.RUNNEL_TEST_SERVER, { token });
});

after(async () => {
  await browser?.close();
  await client?.close();
  proxy?.close();
});

// One page for all: a browser's are dear.
async function open() {
  page = await browser.newPage({ viewport: { width: 1100, height: 720 } });
  page.setDefaultTimeout(30_000);
  page.on("pageerror", (e) => complaints.push(e.message));
  page.on("console", (message) => {
    if (message.type() === "error" && !/WebSocket connection/.test(message.text())) {
      complaints.push(message.text());
    }
  });
  page.on("request", (request) => {
    if (!/^(http|ws):\/\/127\.0\.0\.1:|^(data|blob):/.test(request.url())) {
      complaints.push(`asked for ${request.url()}`);
    }
  });
}

beforeEach(() => {
  complaints.length = 0;
});

// Passes everything on until it is cut, then nothing for as long as it is.
async function cutting(to) {
  const links = new Set();
  let isCut = false;
  const server = createServer((from) => {
    if (isCut) {
      from.destroy();
      return;
    }
    const other = dial(Number(to.port), to.hostname);
    links.add(from);
    for (const [one, two] of [[from, other], [other, from]]) {
      one.pipe(two);
      one.on("error", () => two.destroy());
      one.on("close", () => two.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}/`,
    cut() {
      isCut = true;
      links.forEach((link) => link.destroy());
      links.clear();
    },
    mend() {
      isCut = false;
    },
    close() {
      this.cut();
      server.close();
    },
  };
}

async function enter(at = address, hash = "#/jobs") {
  await page.goto(at + hash);
  const leave = page.getByRole("button", { name: "Sign out" });
  const field = page.getByLabel("Token", { exact: true });
  await leave.or(field).waitFor();
  if (await field.isVisible()) {
    await field.fill(token);
    await page.getByLabel("Keep it").check();
    await page.getByRole("button", { name: "Sign in" }).click();
    await leave.waitFor();
  }
}

function output() {
  return page.locator(".xterm-rows");
}

async function says(text) {
  await output().filter({ hasText: text }).waitFor();
}

async function picture(name) {
  if (shots) {
    await page.screenshot({ path: join(shots, `${name}.png`) });
  }
}

function unharmed() {
  assert.deepEqual(complaints, []);
}

test("a wrong token is told plainly, a right one is kept nowhere unless asked", async () => {
  await page.goto(address);
  await page.getByLabel("Token", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "unauthenticated" }).waitFor();
  await picture("sign-in");
  await page.getByLabel("Token", { exact: true }).fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("button", { name: "Sign out" }).waitFor();
  assert.deepEqual(await page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }, document.cookie]), [{}, {}, ""]);
  unharmed();
});

test("the list is live, and is searched and filtered", async () => {
  await client.run("exit 3", { job: "fails", labels: { app: "shop" } });
  await enter();
  await page.getByRole("link", { name: "fails" }).waitFor();
  const job = await client.start("cat", { job: "appears", stdin: true, labels: { app: "blog", stage: "test" } });
  const row = page.getByRole("row").filter({ hasText: "appears" });
  await row.getByText("running").waitFor();
  await page.getByLabel("State").selectOption("failed");
  await row.waitFor({ state: "detached" });
  await page.getByRole("row").filter({ hasText: "exit 3" }).waitFor();
  await page.getByLabel("State").selectOption("");
  await page.getByLabel("Label").fill("app=blog");
  await page.getByRole("link", { name: "fails" }).waitFor({ state: "detached" });
  await page.getByLabel("Label").fill("");
  await page.getByLabel("Search").fill("exit");
  await row.waitFor({ state: "detached" });
  await page.getByLabel("Search").fill("");
  await picture("jobs");
  await job.stdin.close();
  await row.getByText("succeeded").waitFor();
  unharmed();
});

test("names, labels and commands of others are text", async () => {
  const labels = Object.fromEntries(HOSTILE.slice(0, 4).map((value, i) => [`l${i}`, value]));
  const named = `x<b>&"'`;
  for (const [i, text] of HOSTILE.entries()) {
    await client.run(["printf", "%s", text], { job: `hostile-${i}`, labels: i === 0 ? labels : {} }).catch((e) => {
      throw new Error(`${JSON.stringify(text)}: ${e.message}`);
    });
  }
  await client.run("true", { job: named }).catch(() => {});
  await enter();
  await page.getByRole("link", { name: `hostile-${HOSTILE.length - 1}` }).waitFor();
  assert.equal(await page.locator("main img, main svg, main script, main iframe").count(), 0);
  const text = await page.locator("main").innerText();
  assert.ok(text.includes("<script>window.hurt=1</script>"), text);
  assert.ok(text.includes("\\u202e") && !text.includes("\u202e"), text);
  await page.goto(`${address}#/job/${encodeURIComponent("<img src=x onerror=window.hurt=1>")}`);
  await page.getByRole("alert").filter({ hasText: "job" }).waitFor();
  assert.equal(await page.locator("main img").count(), 0);
  assert.equal(await page.evaluate(() => window.hurt), undefined);
  unharmed();
});

test("a command is started, shown, told apart by stream, and canceled", async () => {
  await enter(address, "#/start");
  await page.getByLabel("Line for /bin/sh").fill("echo to stdout; echo to stderr >&2; printf '\\033[38;2;255;120;0mrgb\\033[0m\\n'; sleep 1000");
  await page.getByLabel("Name of the job").fill("shown");
  await page.getByLabel("Environment").fill("GREETING=hello");
  await picture("start");
  await page.getByRole("button", { name: "Start", exact: true }).click();
  await says("to stdout");
  await says("to stderr");
  const classes = await output().locator("span").filter({ hasText: "to stderr" }).getAttribute("class");
  assert.match(classes, /xterm-fg-9/);
  await picture("job");
  await page.getByLabel("Streams").selectOption("stderr");
  await output().filter({ hasNotText: "to stdout" }).filter({ hasText: "to stderr" }).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("heading").getByText("canceled").waitFor();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "Download" }).click();
  const chunks = [];
  for await (const chunk of await (await download).createReadStream()) {
    chunks.push(chunk);
  }
  assert.match(Buffer.concat(chunks).toString(), /^(?=.*to stdout\n)(?=.*to stderr\n)/s);
  unharmed();
});

test("on a terminal it is typed to, after a warning where somebody else runs it", async () => {
  await client.start("stty -echo; echo ready; while read line; do echo \"got $line\"; done", { job: "typed", pty: true, stdin: true, lingerMs: "forever" });
  await enter(address, "#/job/typed");
  await says("ready");
  await page.getByRole("button", { name: "Take the runner's seat" }).click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Take the seat" }).click();
  await page.getByText("runs it").waitFor();
  await page.locator(".xterm-helper-textarea").focus();
  await page.keyboard.type("some words\n");
  await says("got some words");
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("heading").getByText("canceled").waitFor();
  unharmed();
});

test("escape sequences reach for no clipboard, title or link", async () => {
  const osc = (text) => `\\033]${text}\\007`;
  const line = ["0;stolen", "2;stolen", "52;c;c3RvbGVu", "8;;https://example.com", "1337;File=:AAAA"].map(osc).join("");
  await client.run(`printf '${line}the text\\n'`, { job: "reaching" });
  await enter(address, "#/job/reaching");
  await says("the text");
  assert.match(await page.title(), /^reaching/);
  assert.equal(await page.locator(".xterm a, .xterm-underline-5").count(), 0);
  unharmed();
});

test("a connection that is lost says so, and output goes on at the byte", async () => {
  await client.start("read line; echo before $line; read line; echo after $line; read line", { job: "cut", stdin: true, lingerMs: "forever" }).then(async (job) => {
    await enter(proxy.address, "#/job/cut");
    await job.stdin.write("one\n");
    await says("before one");
    proxy.cut();
    await page.getByRole("alert").filter({ hasText: "connection is lost" }).waitFor();
    await job.stdin.write("two\n");
    await picture("lost");
    proxy.mend();
    await says("after two");
    assert.equal((await output().innerText()).split("before one").length, 2);
    await page.getByRole("alert").filter({ hasText: "connection is lost" }).waitFor({ state: "hidden" });
    await job.stdin.close();
    await job.wait();
  });
  unharmed();
});

test("it fits a narrow screen, in the dark", async () => {
  await page.setViewportSize({ width: 360, height: 640 });
  await page.emulateMedia({ colorScheme: "dark" });
  await enter();
  await page.getByRole("link", { name: "fails" }).waitFor();
  for (const hash of ["#/jobs", "#/start", "#/job/fails"]) {
    await page.goto(address + hash);
    await page.locator("h1").first().waitFor();
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360, hash);
    await picture(`narrow${hash.replace(/\W/g, "-")}`);
  }
  unharmed();
});
