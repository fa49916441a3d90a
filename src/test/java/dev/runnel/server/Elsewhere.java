package dev.runnel.server;

import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.concurrent.atomic.AtomicInteger;

/** Sockets whose other end takes them for another machine's: all of 127/8 is this one. */
final class Elsewhere {
  private static final AtomicInteger LAST = new AtomicInteger();

  private Elsewhere() {}

  /** An address that nobody had before. */
  static String address() {
    int next = LAST.incrementAndGet();
    return "127." + (1 + next / 250 / 250) + "." + next / 250 % 250 + "." + (1 + next % 250);
  }

  static Socket connect(String from, int port) throws IOException {
    return new Socket(InetAddress.getLoopbackAddress(), port, InetAddress.ofLiteral(from), 0);
  }

  /** From an address that nobody had before. */
  static Socket connect(int port) throws IOException {
    return connect(address(), port);
  }
}
