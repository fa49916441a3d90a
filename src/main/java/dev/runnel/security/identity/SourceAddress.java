package dev.runnel.security.identity;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.util.HexFormat;

/** Where connections come from, as far as they are counted together. */
public final class SourceAddress {
  /** Whoever has one IPv6 address usually has all of its network's. */
  private static final int NETWORK_BYTES = 8;

  private SourceAddress() {}

  /** An IPv4 address, or the first half of an IPv6 one. */
  public static String of(String address) {
    try {
      InetAddress parsed = InetAddress.ofLiteral(address);
      return parsed instanceof Inet6Address
          ? HexFormat.of().formatHex(parsed.getAddress(), 0, NETWORK_BYTES) + "::/64"
          : parsed.getHostAddress();
    } catch (IllegalArgumentException _) {
      return address;
    }
  }
}
