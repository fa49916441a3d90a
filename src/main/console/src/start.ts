/** Starts a command. */

import type { StartOptions } from "runnel";

import type { Server } from "./connection.js";
import { h, reason, shown } from "./dom.js";
import { started } from "./job.js";
import type { View } from "./main.js";

const ROWS = 30;
const COLS = 100;

export class StartView implements View {
  readonly title = "Start a command";
  readonly element: HTMLElement;

  private readonly words = h("div", { class: "words", role: "group", "aria-label": "Program and arguments" });
  private readonly line = h("input", { id: "line", autocomplete: "off", spellcheck: false, placeholder: "make test | tee log" });
  private readonly shell = h("input", { type: "checkbox", id: "shell", checked: true, onchange: () => this.choose() });
  private readonly job = h("input", { id: "job", autocomplete: "off" });
  private readonly cwd = h("input", { id: "cwd", autocomplete: "off" });
  private readonly user = h("input", { id: "user", autocomplete: "off" });
  private readonly env = h("textarea", { id: "env", rows: 3, spellcheck: false, placeholder: "NAME=value" });
  private readonly labels = h("textarea", { id: "labels", rows: 2, spellcheck: false, placeholder: "name=value" });
  private readonly timeout = h("input", { id: "timeout", inputMode: "decimal", placeholder: "none" });
  private readonly pty = h("input", { type: "checkbox", id: "pty" });
  private readonly stdin = h("input", { type: "checkbox", id: "stdin" });
  private readonly lasts = h("input", { type: "checkbox", id: "lasts", checked: true });
  private readonly button = h("button", { type: "submit", class: "primary" }, "Start");
  private readonly wrong = h("p", { class: "error", role: "alert", hidden: true });
  private readonly add = h("button", { type: "button", onclick: () => this.word("").focus() }, "Add an argument");
  private readonly lineLabel = h("label", { htmlFor: "line" }, "Line for /bin/sh", this.line);

  constructor(private readonly server: Server) {
    this.element = h(
      "form",
      { class: "card start", onsubmit: (event: Event) => void this.submit(event) },
      h("h1", {}, "Start a command"),
      h("label", { class: "check" }, this.shell, "A line for the shell"),
      this.lineLabel,
      this.words,
      this.add,
      h(
        "div",
        { class: "grid" },
        h("label", { htmlFor: "job" }, "Name of the job", this.job),
        h("label", { htmlFor: "cwd" }, "Folder", this.cwd),
        h("label", { htmlFor: "user" }, "User", this.user),
        h("label", { htmlFor: "timeout" }, "Time limit, in seconds", this.timeout),
        h("label", { htmlFor: "env" }, "Environment, a line each", this.env),
        h("label", { htmlFor: "labels" }, "Labels, a line each", this.labels),
      ),
      h("label", { class: "check" }, this.pty, "On a terminal"),
      h("label", { class: "check" }, this.stdin, "It reads what is typed"),
      h("label", { class: "check" }, this.lasts, "It goes on when this page is closed"),
      this.wrong,
      this.button,
    );
    this.word("");
    this.choose();
    queueMicrotask(() => this.line.focus());
  }

  close(): void {}

  private choose(): void {
    this.lineLabel.hidden = !this.shell.checked;
    this.words.hidden = this.add.hidden = this.shell.checked;
  }

  private word(value: string): HTMLInputElement {
    const input = h("input", { value, autocomplete: "off", spellcheck: false });
    const item = h("div", { class: "word" }, input);
    item.append(h("button", { type: "button", class: "quiet", "aria-label": "Remove it", onclick: () => item.remove() }, "×"));
    this.words.append(item);
    [...this.words.querySelectorAll("input")].forEach((each, i) => each.setAttribute("aria-label", i === 0 ? "Program" : `Argument ${i}`));
    return input;
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    this.button.disabled = true;
    this.wrong.hidden = true;
    try {
      const command = this.shell.checked ? this.line.value : [...this.words.querySelectorAll("input")].map((each) => each.value);
      if (command.length === 0 || command[0] === "") {
        throw new Error("There is no command.");
      }
      const job = await this.server.client.start(command, this.options());
      started.set(job.id, job);
      location.hash = `#/job/${encodeURIComponent(job.id)}`;
    } catch (e) {
      this.wrong.textContent = shown(reason(e));
      this.wrong.hidden = false;
    } finally {
      this.button.disabled = false;
    }
  }

  private options(): StartOptions {
    const options: StartOptions = {
      stdin: this.stdin.checked || this.pty.checked,
      lingerMs: this.lasts.checked ? "forever" : 60_000,
      onFull: this.server.client.server?.features.includes("spool") ? "spool" : "drop",
      onGap: () => {},
      env: pairs(this.env.value, "Environment"),
      labels: pairs(this.labels.value, "Labels"),
    };
    if (this.pty.checked) {
      options.pty = { rows: ROWS, cols: COLS, term: "xterm-256color" };
    }
    if (this.job.value !== "") {
      options.job = this.job.value;
    }
    if (this.cwd.value !== "") {
      options.cwd = this.cwd.value;
    }
    if (this.user.value !== "") {
      options.user = this.user.value;
    }
    if (this.timeout.value !== "") {
      const seconds = Number(this.timeout.value);
      if (!(seconds > 0)) {
        throw new Error(`Time limit: ${this.timeout.value} (expected: seconds)`);
      }
      options.timeoutMs = Math.round(seconds * 1_000);
    }
    return options;
  }
}

function pairs(text: string, what: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const line of text.split("\n").filter((each) => each.trim() !== "")) {
    const at = line.indexOf("=");
    if (at < 1) {
      throw new Error(`${what}: ${line} (expected: NAME=VALUE)`);
    }
    found[line.slice(0, at)] = line.slice(at + 1);
  }
  return found;
}
