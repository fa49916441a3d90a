/** Who comes: by a token, or by nothing where the server asks for nothing, or for a certificate. */

import { Server } from "./connection.js";
import { h, reason } from "./dom.js";
import type { View } from "./main.js";

export function signIn(done: (server: Server) => void): View {
  const token = h("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    spellcheck: false,
    "aria-describedby": "token-help",
  });
  const remember = h("input", { id: "remember", type: "checkbox" });
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");
  const error = h("p", { class: "error", role: "alert", hidden: true });

  async function submit(event: Event): Promise<void> {
    event.preventDefault();
    button.disabled = true;
    error.hidden = true;
    try {
      const opened = await Server.open(token.value.trim() || undefined, remember.checked);
      token.value = "";
      done(opened);
    } catch (e) {
      error.textContent = explain(e);
      error.hidden = false;
      token.focus();
    } finally {
      button.disabled = false;
    }
  }

  const element = h(
    "form",
    { class: "card narrow", onsubmit: (event: Event) => void submit(event) },
    h("h1", {}, "Sign in"),
    h("label", { htmlFor: "token" }, "Token"),
    token,
    h("p", { id: "token-help", class: "help" }, "Leave it empty if the server knows you by a certificate, or lets everybody in."),
    h("label", { class: "check" }, remember, "Keep it until this tab is closed"),
    error,
    button,
  );
  queueMicrotask(() => token.focus());
  return { title: "Sign in", element, close: () => {} };
}

// Why a WebSocket did not come about, no browser tells the page.
function explain(e: unknown): string {
  const text = reason(e);
  if (!text.includes("code 1006")) {
    return text;
  }
  return (
    "There is no connection to the server. It is not running, or a proxy in between does not pass WebSockets on, or the" +
    ` server takes no connections from pages of ${location.origin}: see --http-origin.`
  );
}
