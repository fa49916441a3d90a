/**
 * A terminal that shows what commands print and does nothing else that they ask for: no clipboard, no
 * title, no links. It works under a policy that forbids styles inside the page.
 */

import { FitAddon } from "@xterm/addon-fit";
import { SearchAddon } from "@xterm/addon-search";
import { Terminal } from "@xterm/xterm";

const SCROLLBACK = 20_000;

/** How much is on its way through the terminal's parser at most, in bytes. */
const MAX_UNDRAWN_BYTES = 524_288;

/** Titles, icons, colours of the palette, links, clipboards, notifications, files, other programs'. */
const CONFINED_OSC = [0, 1, 2, 4, 5, 7, 8, 9, 10, 11, 12, 46, 50, 51, 52, 66, 99, 104, 110, 111, 112, 133, 176, 633, 777, 1337, 5522];

// xterm.js writes its rules into elements, and the colours of cells into attributes, which the policy
// forbids for good reason: both would be how text becomes style. Here the rules become a sheet that the
// page adopts, and colours are set one by one. Nothing else of the page makes a style, or sets one.
function obeyPolicy(page: Document): void {
  const make = page.createElement.bind(page) as (tag: string, options?: ElementCreationOptions) => HTMLElement;
  page.createElement = (tag: string, options?: ElementCreationOptions): HTMLElement => {
    if (tag === "style") {
      return ruleSheet(page);
    }
    const element = make(tag, options);
    if (tag === "span") {
      element.setAttribute = setOneByOne;
    }
    return element;
  };
}

function setOneByOne(this: HTMLElement, name: string, value: string): void {
  if (name === "style") {
    this.style.cssText = value;
  } else {
    Element.prototype.setAttribute.call(this, name, value);
  }
}

function ruleSheet(page: Document): HTMLElement {
  const sheet = new CSSStyleSheet();
  const element = page.createElement("i");
  element.hidden = true;
  page.adoptedStyleSheets.push(sheet);
  let text = "";
  Object.defineProperty(element, "textContent", {
    get: () => text,
    set: (rules: string) => {
      text = rules;
      sheet.replaceSync(rules);
    },
  });
  element.remove = () => {
    page.adoptedStyleSheets = page.adoptedStyleSheets.filter((each) => each !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

obeyPolicy(document);

const DARK = { background: "#14171c", foreground: "#dfe3ea", cursor: "#dfe3ea", selectionBackground: "#3b4a63" };
const LIGHT = {
  background: "#ffffff",
  foreground: "#1c2026",
  cursor: "#1c2026",
  selectionBackground: "#bcd3f5",
  black: "#1c2026",
  red: "#b3261e",
  green: "#116b2b",
  yellow: "#7a5900",
  blue: "#1a56c4",
  magenta: "#8a2fa8",
  cyan: "#006a75",
  white: "#6b7280",
  brightBlack: "#4b5563",
  brightRed: "#b3261e",
  brightGreen: "#116b2b",
  brightYellow: "#7a5900",
  brightBlue: "#1a56c4",
  brightMagenta: "#8a2fa8",
  brightCyan: "#006a75",
  brightWhite: "#374151",
};

export class Screen {
  readonly terminal: Terminal;
  private readonly fit = new FitAddon();
  private readonly found = new SearchAddon();
  private readonly scheme = matchMedia("(prefers-color-scheme: dark)");
  private readonly recolour = () => {
    this.terminal.options.theme = this.scheme.matches ? DARK : LIGHT;
  };
  private undrawn = 0;
  private wake: (() => void) | undefined;
  private isClosed = false;

  /** @param isRaw whether the command has a terminal of its own, which ends lines itself */
  constructor(isRaw: boolean) {
    this.terminal = new Terminal({
      allowProposedApi: true,
      convertEol: !isRaw,
      disableStdin: true,
      scrollback: SCROLLBACK,
      screenReaderMode: false,
      minimumContrastRatio: 4.5,
      fontSize: 13,
      fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
      linkHandler: { activate: () => {}, allowNonHttpProtocols: false },
      windowOptions: {},
      theme: this.scheme.matches ? DARK : LIGHT,
    });
    for (const code of CONFINED_OSC) {
      this.terminal.parser.registerOscHandler(code, () => true);
    }
    this.terminal.loadAddon(this.fit);
    this.terminal.loadAddon(this.found);
    this.scheme.addEventListener("change", this.recolour);
  }

  open(parent: HTMLElement): void {
    this.terminal.open(parent);
  }

  /** As many rows and columns as there is room for. */
  fill(): void {
    this.fit.fit();
  }

  find(text: string, back: boolean): boolean {
    return back ? this.found.findPrevious(text) : this.found.findNext(text, { incremental: false });
  }

  /** Writes; done when there is room for more, so that who reads for it asks for no more meanwhile. */
  async write(text: string): Promise<void> {
    if (this.isClosed) {
      return;
    }
    this.undrawn += text.length;
    this.terminal.write(text, () => {
      this.undrawn -= text.length;
      if (this.undrawn <= MAX_UNDRAWN_BYTES / 2) {
        this.wake?.();
      }
    });
    while (this.undrawn > MAX_UNDRAWN_BYTES && !this.isClosed) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  close(): void {
    this.isClosed = true;
    this.wake?.();
    this.scheme.removeEventListener("change", this.recolour);
    this.terminal.dispose();
  }
}

const UNFINISHED = /\x1b(?:[ -/]*|\[[0-?]*[ -/]*|[\]PX^_][^\x07\x1b\x9c]*\x1b?)$/;
const LOOK_BACK = 512;

/**
 * Text of one of two streams that share a screen: characters and escape sequences that are cut wait for
 * their rest, so that what the other stream says meanwhile does not get into them.
 */
export class StreamText {
  private readonly decoder = new TextDecoder();
  private held = "";

  take(data: Uint8Array): string {
    const text = this.held + this.decoder.decode(data, { stream: true });
    const tail = text.slice(-LOOK_BACK);
    const begun = UNFINISHED.exec(tail);
    const cut = begun === null ? text.length : text.length - (tail.length - begun.index);
    this.held = text.slice(cut);
    return text.slice(0, cut);
  }

  rest(): string {
    return this.held + this.decoder.decode();
  }
}
