/** What changes in a list of jobs, until it is read. PROTOCOL.md, section 3, `jobs`. */

import { DamagedError, RefusedError } from "./errors.js";
import { statusOf } from "./events.js";
import { parseBody } from "./frames.js";
import { concat } from "./text.js";

/** Takes the answer to a `jobs` with `watch`; holds each job once, however much is unread. */
export class JobChanges {
  /** @param {boolean} reset whether what is told first begins the list anew */
  constructor(reset) {
    this.isOver = false;
    this.why = undefined;
    this.wake = undefined;
    this.begin(reset);
  }

  begin(reset) {
    this.jobs = new Map();
    this.gone = new Set();
    this.reset = reset;
    this.listed = false;
    this.isEmpty = true;
  }

  take(event, body) {
    if (event.type === "error") {
      this.refused(new RefusedError(event.code, `${event.code}: ${event.message}`, event));
      return;
    }
    if (event.type === "detached") {
      this.isOver = true;
      return;
    }
    if (event.type !== "jobs" || event.final) {
      throw new DamagedError(`jobs was answered with ${event.type}`);
    }
    const list = body.length === 0 ? [] : parseBody(concat(body));
    if (!Array.isArray(list)) {
      throw new DamagedError("jobs: not an array");
    }
    if (event.reset) {
      this.begin(true);
    }
    for (const job of list.map(statusOf)) {
      this.gone.delete(job.job);
      this.jobs.set(job.job, job);
    }
    for (const name of event.gone) {
      this.jobs.delete(name);
      this.gone.add(name);
    }
    this.listed ||= event.listed;
    this.isEmpty = false;
    this.wake?.();
  }

  refused(why) {
    this.isOver = true;
    this.why = why;
    this.wake?.();
  }

  /** What changed since the last one; waits until there is something. */
  async next() {
    while (this.isEmpty) {
      if (this.why !== undefined) {
        throw this.why;
      }
      await new Promise((resolve) => {
        this.wake = resolve;
      });
      this.wake = undefined;
    }
    const { jobs, gone, reset, listed } = this;
    this.begin(false);
    return { jobs: [...jobs.values()], gone: [...gone], reset, listed };
  }
}
