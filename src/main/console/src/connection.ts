/** The one connection of the page, and the list of jobs that it keeps up. */

import { type Client, connect, type JobsChange, RefusedError, type Status } from "runnel";

export type Line = "connected" | "lost" | "ended";

const LINGER_MS = 24 * 3_600_000;
const FIRST_PAUSE_MS = 250;
const MAX_PAUSE_MS = 5_000;
const KEY = "runnel.token";

/** Where frames are: beside the page, so that a proxy may have both below a path. */
export function framesUrl(): string {
  const url = new URL("v1/frames", document.baseURI);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  return url.href;
}

export function storedToken(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

export class Server extends EventTarget {
  readonly jobs = new Map<string, Status>();
  line: Line = "connected";
  why = "";
  listed = false;
  private closed = false;

  private constructor(readonly client: Client) {
    super();
  }

  /** Done when the server has let us in. The token is kept here, or until the tab is closed. */
  static async open(token: string | undefined, remember: boolean): Promise<Server> {
    let server: Server | undefined;
    class Socket extends WebSocket {
      constructor(url: string) {
        super(url);
        this.addEventListener("open", () => server?.told("connected"));
        this.addEventListener("close", () => server?.told("lost"));
      }
    }
    const client = await connect(framesUrl(), { token, lingerMs: LINGER_MS, WebSocket: Socket });
    if (remember && token !== undefined) {
      sessionStorage.setItem(KEY, token);
    }
    server = new Server(client);
    void server.follow();
    return server;
  }

  async close(): Promise<void> {
    this.closed = true;
    sessionStorage.removeItem(KEY);
    await this.client.close();
  }

  private told(line: Line, why = ""): void {
    if (this.closed || this.line === "ended" || (this.line === line && this.why === why)) {
      return;
    }
    this.line = line;
    this.why = why;
    this.dispatchEvent(new Event("line"));
  }

  private async follow(): Promise<void> {
    let pause = FIRST_PAUSE_MS;
    while (!this.closed) {
      try {
        let begins = true;
        for await (const change of this.client.watchJobs()) {
          pause = FIRST_PAUSE_MS;
          this.take(change, begins);
          begins = false;
        }
      } catch (e) {
        if (e instanceof RefusedError && e.code === "unauthenticated") {
          this.told("ended", e.message);
          return;
        }
        if (e instanceof RefusedError) {
          this.why = e.message;
          this.dispatchEvent(new Event("line"));
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
        pause = Math.min(MAX_PAUSE_MS, 2 * pause);
      }
    }
  }

  private take(change: JobsChange, begins: boolean): void {
    if (change.reset || begins) {
      this.jobs.clear();
      this.listed = false;
    }
    change.jobs.forEach((job) => this.jobs.set(job.job, job));
    change.gone.forEach((name) => this.jobs.delete(name));
    this.listed ||= change.listed;
    this.dispatchEvent(new CustomEvent("jobs", { detail: change }));
  }
}
