// Builds the console into target/classes/console: node src/main/console/build.mjs, which Maven calls.
// What has not changed since the last time is not made again. Without npm, or without its packages,
// the console is left out and the build goes on: `runnel serve --console` says so.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const SOURCES = dirname(fileURLToPath(import.meta.url));
const HOME = join(SOURCES, "..", "..", "..");
const CLIENT = join(HOME, "clients", "js", "src");
const WORK = join(HOME, "target", "console");
const OUT = join(HOME, "target", "classes", "console");
const STAMP = join(WORK, "stamp");
const PACKAGES = ["package.json", "package-lock.json"];

function files(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      if (name === "node_modules") {
        return [];
      }
      return statSync(path).isDirectory() ? files(path) : [path];
    });
}

function digest(...parts) {
  const hash = createHash("sha256");
  parts.forEach((part) => hash.update(part).update("\0"));
  return hash.digest("hex");
}

function digestOf(paths) {
  return digest(...paths.flatMap((path) => [relative(HOME, path), readFileSync(path)]));
}

function read(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

// npm's own scripts, and those of packages, do not run.
function install() {
  const wanted = digestOf(PACKAGES.map((name) => join(SOURCES, name)));
  const installed = join(WORK, "installed");
  if (read(installed) === wanted) {
    return;
  }
  rmSync(installed, { force: true });
  mkdirSync(WORK, { recursive: true });
  PACKAGES.forEach((name) => cpSync(join(SOURCES, name), join(WORK, name)));
  const options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=1", "--loglevel=error"];
  execFileSync("npm", options, { cwd: WORK, stdio: ["ignore", "ignore", "pipe"], timeout: 180_000 });
  writeFileSync(installed, wanted);
}

const TYPES = { js: "text/javascript", css: "text/css", txt: "text/plain", html: "text/html" };

// Each file as it is and compressed; the list of them is what the server reads first.
function put(list, name, content) {
  const bytes = Buffer.from(content);
  writeFileSync(join(OUT, name), bytes);
  writeFileSync(join(OUT, `${name}.gz`), gzipSync(bytes, { level: 9 }));
  const type = `${TYPES[name.slice(name.lastIndexOf(".") + 1)]}; charset=utf-8`;
  list.push(`${name}\t${digest(bytes).slice(0, 32)}\t${type}`);
}

function named(name, content) {
  const [, stem, end] = /^(.*)\.([a-z]+)$/.exec(name);
  return `${stem}-${digest(content).slice(0, 16)}.${end}`;
}

function licenses() {
  const folder = join(WORK, "node_modules", "@xterm");
  return readdirSync(folder)
    .sort()
    .map((name) => {
      const { version, license } = JSON.parse(readFileSync(join(folder, name, "package.json"), "utf8"));
      return `@xterm/${name} ${version} (${license})\n\n${readFileSync(join(folder, name, "LICENSE"), "utf8")}`;
    })
    .join("\n\n");
}

async function build() {
  const { build: bundle } = createRequire(join(WORK, "package.json"))("esbuild");
  const { outputFiles } = await bundle({
    absWorkingDir: SOURCES,
    entryPoints: { console: "src/main.ts" },
    outdir: OUT,
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    legalComments: "none",
    logLevel: "error",
    nodePaths: [join(WORK, "node_modules")],
    alias: { runnel: join(CLIENT, "browser.js") },
  });
  rmSync(OUT, { recursive: true, force: true });
  mkdirSync(OUT, { recursive: true });
  const list = [];
  let page = readFileSync(join(SOURCES, "index.html"), "utf8");
  for (const { path, contents } of outputFiles) {
    const plain = relative(OUT, path);
    const name = named(plain, contents);
    put(list, name, contents);
    page = page.replace(plain, name);
  }
  put(list, "licenses.txt", licenses());
  put(list, "index.html", page);
  writeFileSync(join(OUT, "files"), `${list.join("\n")}\n`);
}

const stamp = digestOf([...files(SOURCES), ...files(CLIENT)]);
if (read(STAMP) !== stamp || !existsSync(join(OUT, "files"))) {
  try {
    install();
    await build();
    writeFileSync(STAMP, stamp);
  } catch (e) {
    rmSync(OUT, { recursive: true, force: true });
    const why = e.stderr?.toString().trim() || e.message;
    console.log(`[WARNING] the console is left out: ${why}`);
    // Sources that are wrong are no reason to go on.
    process.exitCode = Array.isArray(e.errors) ? 1 : 0;
  }
}
