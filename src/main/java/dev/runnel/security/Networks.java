package dev.runnel.security;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Some networks of IP addresses. Immutable. RFC 4632, RFC 4291 section 2.3 */
public final class Networks {
  public static final Networks NONE = new Networks(List.of());

  private final List<Network> all;

  /** Those addresses of which as many bits are the same as it has. */
  private record Network(byte[] address, int bits) {
    boolean contains(byte[] other) {
      if (other.length != address.length) {
        return false;
      }
      int whole = bits / Byte.SIZE;
      int rest = bits % Byte.SIZE;
      return Arrays.equals(address, 0, whole, other, 0, whole)
          && (rest == 0 || (address[whole] ^ other[whole]) >> (Byte.SIZE - rest) == 0);
    }
  }

  private Networks(List<Network> all) {
    this.all = List.copyOf(all);
  }

  /**
   * @param texts addresses and networks: {@code 192.0.2.1}, {@code 10.0.0.0/8}, {@code
   *     2001:db8::/32}
   * @throws IllegalArgumentException that says which is neither
   */
  public static Networks of(List<String> texts) {
    List<Network> all = new ArrayList<>();
    for (String text : texts) {
      all.add(network(text.strip()));
    }
    return new Networks(all);
  }

  private static Network network(String text) {
    int slash = text.indexOf('/');
    try {
      byte[] address =
          InetAddress.ofLiteral(slash < 0 ? text : text.substring(0, slash)).getAddress();
      int most = address.length * Byte.SIZE;
      int bits = slash < 0 ? most : Integer.parseInt(text.substring(slash + 1));
      if (bits < 0 || bits > most) {
        throw new IllegalArgumentException(
            text + ": bits: " + bits + " (expected: from 0 to " + most + ")");
      }
      return new Network(address, bits);
    } catch (NumberFormatException _) {
      throw new IllegalArgumentException(text + ": bits: (expected: a number after the slash)");
    } catch (IllegalArgumentException e) {
      throw e.getMessage() != null && e.getMessage().startsWith(text + ": bits")
          ? e
          : new IllegalArgumentException(text + ": no network (expected: 10.0.0.0/8, say)");
    }
  }

  /** Whether that address is in one of them; what is no address is in none. */
  public boolean contains(String address) {
    if (all.isEmpty()) {
      return false;
    }
    try {
      byte[] bytes = InetAddress.ofLiteral(address).getAddress();
      return all.stream().anyMatch(network -> network.contains(bytes));
    } catch (IllegalArgumentException _) {
      return false;
    }
  }
}
