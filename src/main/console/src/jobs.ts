/** The list of jobs: all that this principal may see, as they are now. */

import type { JobState, Status } from "runnel";

import type { Server } from "./connection.js";
import { bytes, duration, foreign, h, shown, time } from "./dom.js";
import type { View } from "./main.js";

const STATES: JobState[] = ["starting", "running", "draining", "ended"];
const STEP = 200;
const DRAW_MS = 100;

export class JobsView implements View {
  readonly title = "Jobs";
  readonly element: HTMLElement;

  private readonly search = h("input", { type: "search", id: "search", placeholder: "name, command, owner", oninput: () => this.draw() });
  private readonly state = h(
    "select",
    { id: "state", onchange: () => this.draw() },
    h("option", { value: "" }, "any"),
    ...STATES.map((state) => h("option", { value: state }, state)),
    h("option", { value: "failed" }, "failed"),
  );
  private readonly label = h("input", { id: "label", placeholder: "name=value", oninput: () => this.draw() });
  private readonly count = h("p", { class: "help", role: "status" });
  private readonly rows = h("tbody");
  private readonly more = h("button", { type: "button", hidden: true, onclick: () => this.showMore() }, "Show more");
  private shownRows = STEP;
  private timer: number | undefined;
  private readonly changed = () => {
    this.timer ??= setTimeout(() => this.draw(), DRAW_MS) as unknown as number;
  };

  constructor(private readonly server: Server) {
    this.element = h(
      "section",
      {},
      h("h1", {}, "Jobs"),
      h(
        "div",
        { class: "filters", role: "search" },
        h("label", { htmlFor: "search" }, "Search", this.search),
        h("label", { htmlFor: "state" }, "State", this.state),
        h("label", { htmlFor: "label" }, "Label", this.label),
      ),
      this.count,
      h(
        "table",
        { class: "jobs" },
        h("thead", {}, h("tr", {}, ...["State", "Job", "Command", "Owner", "Started", "Output"].map((name) => h("th", { scope: "col" }, name)))),
        this.rows,
      ),
      this.more,
    );
    server.addEventListener("jobs", this.changed);
    this.draw();
  }

  close(): void {
    this.server.removeEventListener("jobs", this.changed);
    clearTimeout(this.timer);
  }

  private showMore(): void {
    this.shownRows += STEP;
    this.draw();
  }

  private draw(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    const found = [...this.server.jobs.values()].filter((job) => this.fits(job)).sort(latestFirst);
    const all = this.server.jobs.size;
    this.count.textContent = this.server.listed
      ? found.length === all
        ? `${all} ${all === 1 ? "job" : "jobs"}`
        : `${found.length} of ${all} jobs`
      : "The list is on its way …";
    const focused = (document.activeElement as HTMLElement | null)?.dataset["job"];
    this.rows.replaceChildren(...found.slice(0, this.shownRows).map(row));
    if (focused !== undefined) {
      [...this.rows.querySelectorAll("a")].find((link) => link.dataset["job"] === focused)?.focus();
    }
    this.more.hidden = found.length <= this.shownRows;
  }

  private fits(job: Status): boolean {
    const words = this.search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = `${job.job} ${job.command} ${job.principal} ${Object.entries(job.labels).map(([name, value]) => `${name}=${value}`).join(" ")}`.toLowerCase();
    const state = this.state.value;
    const isOfState = state === "" || (state === "failed" ? hasFailed(job) : job.state === state);
    return isOfState && words.every((word) => text.includes(word)) && hasLabel(job, this.label.value.trim());
  }
}

function latestFirst(one: Status, other: Status): number {
  return (other.startedAtMs ?? Infinity) - (one.startedAtMs ?? Infinity) || (one.job < other.job ? -1 : 1);
}

function hasLabel(job: Status, wanted: string): boolean {
  const [name = "", value] = wanted.split("=", 2);
  return wanted === "" || (Object.hasOwn(job.labels, name) && (value === undefined || value === "" || job.labels[name] === value));
}

export function hasFailed(job: Status): boolean {
  return job.end !== undefined && !(job.end.outcome === "exited" && job.end.exitCode === 0);
}

/** Its state in a word or two. */
export function outcome(job: Status): string {
  const { end } = job;
  if (end === undefined) {
    return job.state;
  }
  if (end.outcome === "exited") {
    return end.exitCode === 0 ? "succeeded" : `exit ${end.exitCode}`;
  }
  return end.outcome === "signaled" ? `SIG${end.signal}` : end.outcome.replace("_", " ");
}

export function badge(job: Status): HTMLElement {
  const kind = job.end === undefined ? "live" : hasFailed(job) ? "bad" : "good";
  return h("span", { class: `badge ${kind}` }, shown(outcome(job)));
}

export function labels(job: Status): HTMLElement[] {
  return Object.entries(job.labels).map(([name, value]) => foreign(value ? `${name}=${value}` : name, "label"));
}

function row(job: Status): HTMLElement {
  const took = job.end?.["durationMs"];
  return h(
    "tr",
    {},
    h("td", {}, badge(job)),
    h("td", {}, h("a", { href: `#/job/${encodeURIComponent(job.job)}`, "data-job": job.job }, foreign(job.job)), ...labels(job)),
    h("td", { class: "command" }, h("code", {}, foreign(job.command))),
    h("td", {}, foreign(job.principal)),
    h("td", {}, time(job.startedAtMs), typeof took === "number" && h("span", { class: "help" }, ` ${duration(took)}`)),
    h("td", { class: "number" }, bytes(job.outputBytes)),
  );
}
