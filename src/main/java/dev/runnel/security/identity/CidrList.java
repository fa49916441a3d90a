package dev.runnel.security.identity;

import java.math.BigInteger;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;

/** Some networks of IP addresses. Immutable. RFC 4632, RFC 4291 section 2.3 */
public final class CidrList {
  public static final CidrList NONE = new CidrList(List.of());

  private final List<Network> all;

  /**
   * Those addresses that begin with the same bits.
   *
   * @param begin those bits, as a number
   * @param length of an address, in bits
   */
  private record Network(BigInteger begin, int bits, int length) {
    static Network of(byte[] address, int bits) {
      int length = address.length * Byte.SIZE;
      return new Network(new BigInteger(1, address).shiftRight(length - bits), bits, length);
    }

    boolean contains(byte[] address) {
      return address.length * Byte.SIZE == length && of(address, bits).equals(this);
    }
  }

  private CidrList(List<Network> all) {
    this.all = List.copyOf(all);
  }

  /**
   * @param texts addresses and networks: {@code 192.0.2.1}, {@code 10.0.0.0/8}, {@code
   *     2001:db8::/32}
   * @throws IllegalArgumentException that says which is neither
   */
  public static CidrList of(List<String> texts) {
    List<Network> all = new ArrayList<>();
    for (String text : texts) {
      all.add(network(text.strip()));
    }
    return new CidrList(all);
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
      return Network.of(address, bits);
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
