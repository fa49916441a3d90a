package dev.runnel.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;

import dev.runnel.Tool;
import java.io.BufferedReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whose a TCP port of this machine is. */
@NullMarked
@Tag("slow")
class ListenersTest {
  private static InetSocketAddress at(String address, int port) {
    return new InetSocketAddress(InetAddress.ofLiteral(address), port);
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "127.9.8.7", "0.0.0.0", "::1", "::"})
  void ourOwnIsNoStrangers(String address) throws Exception {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral(address))) {
      String there =
          switch (address) {
            case "0.0.0.0", "::" -> "127.0.0.1";
            default -> address;
          };
      assertNull(Listeners.strangerAt(at(there, socket.getLocalPort())));
    }
  }

  @Test
  void whereNobodyListensItCannotBeTold() throws Exception {
    int port;
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.ofLiteral("127.0.0.1"))) {
      port = socket.getLocalPort();
      assertEquals("who listens there can't be told", Listeners.strangerAt(at("127.0.0.2", port)));
    }
    assertEquals("who listens there can't be told", Listeners.strangerAt(at("127.0.0.1", port)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"127.0.0.1", "0.0.0.0", "::", "::1"})
  @Tag("root")
  void anothersIsToldByItsNumber(String address) throws Exception {
    Tool.requireRoot("ListenersTest.anothersIsToldByItsNumber");
    Tool.require("python3", "ListenersTest.anothersIsToldByItsNumber");
    String program =
        "import os, socket, sys; os.setuid(65534);"
            + " s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET);"
            + " s.bind((sys.argv[1], 0)); s.listen(); print(s.getsockname()[1], flush=True);"
            + " sys.stdin.read()";
    Process other = new ProcessBuilder("python3", "-c", program, address).start();
    try (BufferedReader out = other.inputReader()) {
      int port = Integer.parseInt(out.readLine());
      assertEquals(
          "the user with number 65534 listens there",
          Listeners.strangerAt(at(address.equals("::1") ? "::1" : "127.0.0.1", port)));
    } finally {
      other.destroyForcibly().waitFor();
    }
  }
}
