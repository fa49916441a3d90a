package dev.runnel.files;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.IOException;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Who listens on this machine's TCP ports: proc_net_tcp(5). On a loopback address whoever comes
 * first has a port, and is told what was meant for another. Blocks for a moment; any thread.
 */
public final class Listeners {
  private static final String IPV4 = "/proc/net/tcp";
  private static final String IPV6 = "/proc/net/tcp6";
  private static final String LISTENING = "0A";
  private static final String ANY_IPV4 = "00000000";
  private static final String ANY_IPV6 = ANY_IPV4.repeat(4);
  private static final String MAPPED = "0000000000000000FFFF0000";
  private static final String DIGITS = "0123456789ABCDEF";
  private static final int WORD = 4;

  // Of a line's words.
  private static final int LOCAL = 1;
  private static final int STATE = 3;
  private static final int USER = 7;

  private Listeners() {}

  /**
   * Who takes connections to that address of this machine, unless it is our own user or root.
   *
   * @return what to say of it; null: it is one of them
   */
  public static @Nullable String strangerAt(InetSocketAddress there) {
    String user = userAt(there.getAddress(), there.getPort());
    return user == null
        ? "who listens there can't be told"
        : CurrentUser.isUsOrRoot(user) ? null : "the user with number " + user + " listens there";
  }

  // The most specific one gets the connection.
  private static @Nullable String userAt(InetAddress address, int port) {
    StringBuilder digits = new StringBuilder(":");
    hex(digits, port >> 8);
    hex(digits, port);
    String end = digits.toString();
    String own = words(address.getAddress());
    if (!(address instanceof Inet4Address)) {
      return either(find(IPV6, own + end), IPV6, ANY_IPV6 + end);
    }
    String user = either(find(IPV4, own + end), IPV6, MAPPED + own + end);
    return either(either(user, IPV4, ANY_IPV4 + end), IPV6, ANY_IPV6 + end);
  }

  private static @Nullable String either(@Nullable String user, String table, String local) {
    return user == null ? find(table, local) : user;
  }

  /** Another's, if there are several. */
  private static @Nullable String find(String table, String local) {
    String found = null;
    String wanted = " " + local + " ";
    try {
      for (String line : Files.readAllLines(Path.of(table), ISO_8859_1)) {
        if (line.contains(wanted)
            && word(line, LOCAL).equals(local)
            && word(line, STATE).equals(LISTENING)
            && (found == null || CurrentUser.isUsOrRoot(found))) {
          found = word(line, USER);
        }
      }
    } catch (IOException _) {
      // There is no such table.
    }
    return found;
  }

  // By hand: a regular expression costs each start of a client milliseconds.
  private static String word(String line, int number) {
    int begin = 0;
    int end = 0;
    for (int i = 0; i <= number; i++) {
      begin = end;
      while (begin < line.length() && line.charAt(begin) == ' ') {
        begin++;
      }
      end = begin;
      while (end < line.length() && line.charAt(end) != ' ') {
        end++;
      }
    }
    return line.substring(begin, end);
  }

  /** As the kernel writes addresses: each four bytes as a number of this machine's. */
  private static String words(byte[] address) {
    StringBuilder text = new StringBuilder();
    for (int word = 0; word < address.length; word += WORD) {
      for (int i = WORD - 1; i >= 0; i--) {
        hex(text, address[word + i]);
      }
    }
    return text.toString();
  }

  private static void hex(StringBuilder text, int octet) {
    text.append(DIGITS.charAt(octet >> 4 & 0xF)).append(DIGITS.charAt(octet & 0xF));
  }
}
