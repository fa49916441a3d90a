/** Where a server listens, as the command line has it: `host[:port]`, `[v6]:port`, `unix:PATH`. */

export const DEFAULT_PORT = 7866;

/**
 * @param {string} text
 * @param {string} source where it came from, for the message
 * @returns {{path: string} | {host: string, port: number}}
 * @throws {TypeError}
 */
export function parseAddress(text, source) {
  const wrong = (why = "expected: host, host:port, [v6]:port, unix:PATH, ws:// or wss://") =>
    new TypeError(`${source}: ${text} (${why})`);
  if (text.startsWith("unix:")) {
    if (text.length === 5 || text.includes("\0")) {
      throw wrong();
    }
    return { path: text.slice(5) };
  }
  const parts = /^(?:\[([^\]]+)\]|([^:/@\s[\]]+))(?::(.*))?$/.exec(text);
  if (parts === null) {
    const isBare = /^[0-9a-fA-F:.]+$/.test(text) && text.indexOf(":") !== text.lastIndexOf(":");
    throw isBare ? wrong(`an IPv6 address stands in brackets: [${text}]:${DEFAULT_PORT}`) : wrong();
  }
  const port = parts[3] === undefined ? DEFAULT_PORT : Number(parts[3]);
  if (!/^[0-9]+$/.test(parts[3] ?? "1") || port < 1 || port > 65_535) {
    throw wrong(`port ${parts[3]}, expected: from 1 to 65535`);
  }
  return { host: parts[1] ?? parts[2], port };
}

/** For people. */
export function showAddress(address) {
  if (address.path !== undefined) {
    return `unix:${address.path}`;
  }
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}
