/** The page: who is signed in, which view is shown, whether the connection stands. */

import "./style.css";
import "@xterm/xterm/css/xterm.css";

import { Server, storedToken } from "./connection.js";
import { foreign, h } from "./dom.js";
import { JobView } from "./job.js";
import { JobsView } from "./jobs.js";
import { signIn } from "./signin.js";
import { StartView } from "./start.js";

/** What fills the page below its head. */
export interface View {
  readonly title: string;
  readonly element: HTMLElement;
  close(): void;
}

const main = h("main", { id: "main", tabIndex: -1 });
const notice = h("p", { class: "notice", role: "alert", hidden: true });
const links = h(
  "nav",
  { "aria-label": "Views", hidden: true },
  h("a", { href: "#/jobs" }, "Jobs"),
  h("a", { href: "#/start" }, "Start a command"),
);
const who = h("span", { class: "who" });
const leave = h("button", { type: "button", class: "quiet", hidden: true, onclick: () => void signOut() }, "Sign out");
document.body.replaceChildren(
  h("a", { class: "skip", href: "#main", onclick: skip }, "Skip to content"),
  h("header", {}, h("strong", {}, "Runnel"), links, who, leave),
  notice,
  main,
);

let server: Server | undefined;
let view: View | undefined;

function skip(event: Event): void {
  event.preventDefault();
  main.focus();
}

function show(next: View): void {
  view?.close();
  view = next;
  main.replaceChildren(next.element);
  document.title = `${next.title} – Runnel`;
  for (const link of links.querySelectorAll("a")) {
    if (location.hash.startsWith(link.hash)) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

function route(): void {
  if (server === undefined) {
    return;
  }
  const [path = "", query = ""] = location.hash.slice(1).split("?", 2);
  const words = path.split("/");
  if (words[1] === "job" && words[2]) {
    show(new JobView(server, decoded(words[2]), new URLSearchParams(query)));
  } else if (words[1] === "start") {
    show(new StartView(server));
  } else {
    show(new JobsView(server));
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function entered(opened: Server): void {
  server = opened;
  links.hidden = leave.hidden = false;
  who.replaceChildren(foreign(opened.client.server?.node ?? ""));
  opened.addEventListener("line", lineChanged);
  lineChanged();
  route();
}

function lineChanged(): void {
  if (server === undefined) {
    return;
  }
  notice.hidden = server.line === "connected";
  if (server.line === "lost") {
    notice.textContent = `The connection is lost${server.why ? ` (${server.why})` : ""}. It is being made anew; what is shown goes on where it stopped.`;
  } else if (server.line === "ended") {
    const why = server.why;
    void signOut().then(() => notify(`The server does not let you in any more: ${why}`));
  }
}

function notify(text: string): void {
  notice.textContent = text;
  notice.hidden = false;
}

async function signOut(): Promise<void> {
  const left = server;
  server = undefined;
  links.hidden = leave.hidden = notice.hidden = true;
  who.replaceChildren();
  show(signIn(entered));
  await left?.close();
}

addEventListener("hashchange", route);

const token = storedToken();
if (token === undefined) {
  show(signIn(entered));
} else {
  Server.open(token, true).then(entered, () => show(signIn(entered)));
}
