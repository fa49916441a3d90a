/** One job: what it prints, how it stands, and what can be done to it. */

import { DetachedError, type Gap, type Job, type OutputPiece, type Status, type StreamName } from "runnel";

import type { Server } from "./connection.js";
import { bytes, duration, foreign, h, reason, shown, time } from "./dom.js";
import { badge, labels } from "./jobs.js";
import type { View } from "./main.js";
import { Screen, StreamText } from "./terminal.js";

const SIGNALS = ["INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "KILL"];
const MAX_DOWNLOAD_BYTES = 1_073_741_824;
const MAX_PASTE = 4_096;

/** Jobs that were started here, until their view has them. */
export const started = new Map<string, Job>();

export class JobView implements View {
  readonly title: string;
  readonly element: HTMLElement;

  private readonly pane = h("div", { class: "pane" });
  private readonly facts = h("dl", { class: "facts" });
  private readonly head = h("span", {});
  private readonly said = h("p", { class: "help", role: "status" });
  private readonly wrong = h("p", { class: "error", role: "alert", hidden: true });
  private readonly streams = h(
    "select",
    { id: "streams", onchange: () => this.begin(this.from) },
    h("option", { value: "" }, "stdout and stderr"),
    h("option", { value: "stdout" }, "stdout"),
    h("option", { value: "stderr" }, "stderr"),
  );
  private readonly signal = h("select", { id: "signal" }, ...SIGNALS.map((name) => h("option", { value: name }, name)));
  private readonly cancel = h("button", { type: "button", onclick: () => void this.act("cancel", () => this.server.client.cancel(this.name)) }, "Cancel");
  private readonly send = h("button", { type: "button", onclick: () => void this.act(`SIG${this.signal.value}`, () => this.server.client.signal(this.name, this.signal.value)) }, "Send");
  private readonly seat = h("button", { type: "button", onclick: () => this.ask() }, "Take the runner's seat");
  private readonly closeInput = h("button", { type: "button", hidden: true, onclick: () => void this.act("end of stdin", () => this.job?.stdin.close() ?? Promise.resolve()) }, "End stdin");
  private readonly save = h("button", { type: "button", onclick: () => void this.download() }, "Download");
  private readonly find = h("input", { id: "find", type: "search", placeholder: "Find in the output" });
  private readonly warning = h(
    "div",
    { class: "notice", role: "alertdialog", "aria-label": "Take the runner's seat", hidden: true },
    h("p", {}, "Who runs this job now loses it: what is typed there goes nowhere from then on, and its output waits for this page."),
    h("button", { type: "button", class: "primary", onclick: () => this.take() }, "Take the seat"),
    h("button", { type: "button", onclick: () => this.unask() }, "Leave it"),
  );

  private screen: Screen | undefined;
  private job: Job | undefined;
  private isRunner = false;
  private round = 0;
  private from: number | "end";
  private position = 0;
  private size = "";
  private drawn = "";
  // The list tells how much there was when something else changed.
  private readonly timer = setInterval(() => this.draw(), 1_000);
  private readonly changed = () => this.draw();
  private readonly resized = () => this.fit();

  constructor(
    private readonly server: Server,
    private readonly name: string,
    query: URLSearchParams,
  ) {
    this.title = shown(name);
    const at = Number(query.get("at") ?? "0");
    this.from = Number.isSafeInteger(at) && at >= 0 ? at : 0;
    this.element = h(
      "section",
      { class: "job" },
      h("h1", {}, foreign(name), this.head),
      this.wrong,
      this.warning,
      h(
        "div",
        { class: "bar", role: "toolbar", "aria-label": "The job" },
        this.cancel,
        h("label", { htmlFor: "signal" }, "Signal", this.signal),
        this.send,
        this.seat,
        this.closeInput,
        this.save,
        h("button", { type: "button", onclick: () => void this.copyLink() }, "Copy link to here"),
      ),
      h(
        "form",
        { class: "bar", role: "search", onsubmit: (event: Event) => this.search(event) },
        h("label", { htmlFor: "streams" }, "Streams", this.streams),
        h("label", { htmlFor: "find" }, "Find", this.find),
        h("button", { type: "submit", value: "back" }, "Previous"),
        h("button", { type: "submit", value: "on" }, "Next"),
      ),
      h("div", { class: "split" }, h("div", { class: "output" }, this.pane, this.said), this.facts),
    );
    server.addEventListener("jobs", this.changed);
    addEventListener("resize", this.resized);
    queueMicrotask(() => {
      this.draw();
      this.begin(this.from);
    });
  }

  close(): void {
    this.round++;
    clearInterval(this.timer);
    this.server.removeEventListener("jobs", this.changed);
    removeEventListener("resize", this.resized);
    this.letGo();
    this.screen?.close();
  }

  private letGo(): void {
    this.job?.detach().catch(() => {});
    this.job = undefined;
  }

  // --- output -------------------------------------------------------------------------------------

  private begin(from: number | "end", asRunner = false): void {
    this.round++;
    this.letGo();
    void this.follow(this.round, from, asRunner);
  }

  private async follow(round: number, from: number | "end", asRunner: boolean): Promise<void> {
    const gaps: Gap[] = [];
    const onGap = (gap: Gap) => void gaps.push(gap);
    this.wrong.hidden = true;
    try {
      const mine = started.get(this.name);
      started.delete(this.name);
      const { client } = this.server;
      const job = mine ?? (await (asRunner ? client.attach(this.name, { from, onGap }) : client.watch(this.name, { from, onGap })));
      if (round !== this.round) {
        await job.detach();
        return;
      }
      this.job = job;
      this.isRunner = asRunner || mine !== undefined;
      this.show(job);
      await this.print(round, job, gaps);
      if (round === this.round) {
        const end = await job.wait();
        this.say(`Ended: ${shown(end.outcome)}${end.drained ? "" : "; others still hold its pipes"}`);
      }
    } catch (e) {
      if (round === this.round) {
        this.failed(e);
      }
    }
  }

  private show(job: Job): void {
    this.screen?.close();
    const hasTerminal = job.terminalSize !== undefined;
    const screen = new Screen(hasTerminal);
    this.screen = screen;
    this.pane.replaceChildren();
    screen.open(this.pane);
    const reads = this.isRunner && hasStdin(job);
    this.closeInput.hidden = !reads || hasTerminal;
    if (reads) {
      screen.terminal.options.disableStdin = false;
      screen.terminal.onData((text) => this.typed(job, text, hasTerminal));
      this.confinePaste(screen);
    }
    this.size = "";
    this.fit();
    this.draw();
  }

  private async print(round: number, job: Job, gaps: Gap[]): Promise<void> {
    const texts: Record<StreamName, StreamText> = { stdout: new StreamText(), stderr: new StreamText() };
    const screen = this.screen;
    const only = this.streams.value;
    const tell = async (before: number) => {
      while (gaps[0] !== undefined && gaps[0].to <= before) {
        const gap = gaps.shift() as Gap;
        const text = `${bytes(gap.to - gap.from)} are not kept any more (${gap.from} to ${gap.to})`;
        await screen?.write(`\r\n\x1b[0;7m ${text} \x1b[0m\r\n`);
      }
    };
    for await (const piece of job.output()) {
      if (round !== this.round || screen === undefined) {
        return;
      }
      await tell(piece.offset);
      if (only === "" || only === piece.stream) {
        await screen.write(coloured(piece, texts[piece.stream].take(piece.data)));
      }
      this.position = piece.offset + piece.data.length;
    }
    await tell(Infinity);
    await screen?.write(texts.stdout.rest() + texts.stderr.rest());
  }

  private failed(e: unknown): void {
    if (e instanceof DetachedError) {
      this.isRunner = false;
      if (e.reason === "replaced") {
        this.begin(this.position);
        this.say("Somebody else took the runner's seat: this page watches from here on.");
      }
      return;
    }
    this.wrong.textContent = shown(reason(e));
    this.wrong.hidden = false;
  }

  // --- what is done to it -------------------------------------------------------------------------

  private typed(job: Job, text: string, hasTerminal: boolean): void {
    const sent = hasTerminal ? text : text.replaceAll("\r", "\n");
    if (!hasTerminal) {
      void this.screen?.write(sent);
    }
    try {
      job.stdin.write(sent).catch((e) => this.say(shown(reason(e))));
    } catch (e) {
      this.say(shown(reason(e)));
    }
  }

  // A paste with line ends is a command that runs before it was read.
  private confinePaste(screen: Screen): void {
    this.pane.addEventListener(
      "paste",
      (event) => {
        const text = event.clipboardData?.getData("text/plain") ?? "";
        const lines = text.split(/\r\n|\r|\n/).length;
        if ((lines > 1 || text.length > MAX_PASTE) && this.screen === screen && !confirm(`Paste ${lines} lines, ${text.length} characters?`)) {
          event.preventDefault();
          event.stopPropagation();
        }
      },
      { capture: true },
    );
  }

  private ask(): void {
    this.warning.hidden = false;
    this.warning.querySelector("button")?.focus();
  }

  private unask(): void {
    this.warning.hidden = true;
    this.seat.focus();
  }

  private take(): void {
    this.warning.hidden = true;
    this.begin(this.position, true);
  }

  private fit(): void {
    const { screen, job } = this;
    if (screen === undefined || job === undefined) {
      return;
    }
    const size = job.terminalSize;
    if (size === undefined || this.isRunner) {
      screen.fill();
    } else {
      // As the runner sees it: lines end where they ended there.
      screen.terminal.resize(size.cols, size.rows);
    }
    const { rows, cols } = screen.terminal;
    if (this.isRunner && size !== undefined && this.size !== `${rows} ${cols}`) {
      this.size = `${rows} ${cols}`;
      job.resize(rows, cols).catch(() => {});
    }
  }

  private async act(what: string, action: () => Promise<unknown>): Promise<void> {
    try {
      await action();
      this.say(`Sent: ${what}`);
    } catch (e) {
      this.say(`${what}: ${shown(reason(e))}`);
    }
  }

  private search(event: Event): void {
    event.preventDefault();
    const back = ((event as SubmitEvent).submitter as HTMLButtonElement | null)?.value === "back";
    if (this.screen !== undefined && !this.screen.find(this.find.value, back)) {
      this.say("Not found in what is shown.");
    }
  }

  private async copyLink(): Promise<void> {
    const hash = `#/job/${encodeURIComponent(this.name)}?at=${this.position}`;
    history.replaceState(null, "", hash);
    try {
      await navigator.clipboard.writeText(location.href);
      this.say("Copied: a link to where the output is now.");
    } catch {
      this.say("The link to where the output is now stands in the address bar.");
    }
  }

  private async download(): Promise<void> {
    this.save.disabled = true;
    try {
      const { outputBytes } = await this.server.client.status(this.name);
      const missing: Gap[] = [];
      const job = await this.server.client.watch(this.name, { onGap: (gap) => void missing.push(gap) });
      const parts: BlobPart[] = [];
      let size = 0;
      if (outputBytes > 0) {
        for await (const { offset, data } of job.output()) {
          parts.push(data.slice());
          size += data.length;
          if (offset + data.length >= outputBytes || size >= MAX_DOWNLOAD_BYTES) {
            break;
          }
        }
      }
      job.detach().catch(() => {});
      offer(`${this.name.replace(/[^A-Za-z0-9._-]/g, "_")}.log`, new Blob(parts, { type: "application/octet-stream" }));
      const lost = missing.reduce((sum, gap) => sum + gap.to - gap.from, 0);
      this.say(`Downloaded ${bytes(size)}${lost > 0 ? `; ${bytes(lost)} are not kept any more` : ""}.`);
    } catch (e) {
      this.say(shown(reason(e)));
    } finally {
      this.save.disabled = false;
    }
  }

  // --- how it stands ------------------------------------------------------------------------------

  private say(text: string): void {
    this.said.textContent = text;
  }

  private draw(): void {
    const job = this.server.jobs.get(this.name);
    if (job === undefined) {
      return;
    }
    const now = JSON.stringify([job, this.isRunner, this.position]);
    if (now === this.drawn) {
      return;
    }
    this.drawn = now;
    this.head.replaceChildren(badge(job));
    this.facts.replaceChildren(...facts(job, this.isRunner, this.position).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
    const isOver = job.state === "ended";
    this.cancel.disabled = this.send.disabled = isOver;
    this.seat.hidden = isOver || this.isRunner;
    if (isOver) {
      this.closeInput.hidden = true;
    }
    if (!this.isRunner && job.terminalSize !== undefined && this.size !== `${job.terminalSize.rows} ${job.terminalSize.cols}`) {
      this.size = `${job.terminalSize.rows} ${job.terminalSize.cols}`;
      this.fit();
    }
  }
}

function hasStdin(job: Job): boolean {
  try {
    return job.stdin !== undefined;
  } catch {
    return false;
  }
}

function coloured({ stream }: OutputPiece, text: string): string {
  return stream === "stderr" && text !== "" ? `\x1b[91m${text}\x1b[39m` : text;
}

function offer(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function facts(job: Status, isRunner: boolean, position: number): [string, Node | string][] {
  const rows: [string, Node | string | undefined][] = [
    ["Command", h("code", {}, foreign(job.command))],
    ["Owner", foreign(job.principal)],
    ["State", job.state],
    ["This page", isRunner ? "runs it" : "watches"],
    ["Started", time(job.startedAtMs) || undefined],
    ["Took", typeof job.end?.["durationMs"] === "number" ? duration(job.end["durationMs"]) : undefined],
    ["Process", job.pid === undefined ? undefined : String(job.pid)],
    ["Terminal", job.terminalSize === undefined ? "none" : `${job.terminalSize.cols} × ${job.terminalSize.rows}`],
    ["Output", bytes(Math.max(job.outputBytes, position))],
    ["Kept", job.retain === undefined ? undefined : `the last ${bytes(job.retain)}`],
    ["Labels", Object.keys(job.labels).length === 0 ? undefined : h("span", {}, ...labels(job))],
  ];
  return rows.filter((row): row is [string, Node | string] => row[1] !== undefined);
}
