/**
 * Who listens on this machine's TCP ports: proc_net_tcp(5). On a loopback address whoever comes
 * first has a port, and would be told what was meant for another. SECURITY.md, "What is promised".
 */

import { readFile } from "node:fs/promises";
import { isIPv4 } from "node:net";
import { endianness } from "node:os";

const LISTENING = "0A";
const ANY_IPV4 = "00000000";
const ANY_IPV6 = ANY_IPV4.repeat(4);
const MAPPED = "0000000000000000FFFF0000";
const ROOT = "0";

// Of a line's words.
const LOCAL = 1;
const STATE = 3;
const USER = 7;

/**
 * Who takes connections to that address of this machine, unless it is our own user or root.
 *
 * @param {string} address of IPv4 or IPv6, without a name
 * @param {number} port
 * @returns {Promise<string | undefined>} what to say of it; undefined: it is one of them
 */
export async function strangerAt(address, port) {
  const user = await userAt(address, port);
  if (user === undefined) {
    return "who listens there can't be told";
  }
  return isUsOrRoot(user) ? undefined : `the user with number ${user} listens there`;
}

function isUsOrRoot(user) {
  return user === ROOT || user === String(process.geteuid?.());
}

// The most specific one gets the connection.
async function userAt(address, port) {
  const end = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const [ipv4, ipv6] = await Promise.all([table("/proc/net/tcp"), table("/proc/net/tcp6")]);
  const own = words(isIPv4(address) ? bytesOfIPv4(address) : bytesOfIPv6(address));
  if (isIPv4(address)) {
    return (
      find(ipv4, own + end) ??
      find(ipv6, MAPPED + own + end) ??
      find(ipv4, ANY_IPV4 + end) ??
      find(ipv6, ANY_IPV6 + end)
    );
  }
  return find(ipv6, own + end) ?? find(ipv6, ANY_IPV6 + end);
}

async function table(path) {
  try {
    return (await readFile(path, "latin1")).split("\n");
  } catch {
    return []; // There is no such table.
  }
}

// Another's, if there are several.
function find(lines, local) {
  let found;
  for (const line of lines) {
    if (line.includes(local)) {
      const fields = line.trim().split(/ +/);
      if (fields[LOCAL] === local && fields[STATE] === LISTENING && (found === undefined || isUsOrRoot(found))) {
        found = fields[USER];
      }
    }
  }
  return found;
}

function bytesOfIPv4(address) {
  return Uint8Array.from(address.split(".").map(Number));
}

function bytesOfIPv6(address) {
  // As URL writes it, there is neither a zone nor an IPv4 address in it.
  const plain = new URL(`http://[${address.replace(/%.*/, "")}]`).hostname.slice(1, -1);
  const [before, after] = plain.split("::");
  const left = before === "" ? [] : before.split(":");
  const right = after === undefined || after === "" ? [] : after.split(":");
  const groups = [...left, ...Array(8 - left.length - right.length).fill("0"), ...right];
  return Uint8Array.from(
    groups.flatMap((group) => {
      const n = parseInt(group, 16);
      return [n >> 8, n & 0xff];
    }),
  );
}

// As the kernel writes addresses: each four bytes as a number of this machine's.
function words(bytes) {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4) {
    const word = [...bytes.subarray(i, i + 4)];
    if (endianness() === "LE") {
      word.reverse();
    }
    text += word.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
  }
  return text;
}
