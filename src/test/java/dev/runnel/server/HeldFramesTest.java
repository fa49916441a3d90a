package dev.runnel.server;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What has begun to arrive counts, whichever way it comes: more than {@code max_partial_bytes} of
 * it ends the oldest, and who sends whole frames is served.
 */
@SuppressWarnings("NullAway.Init") // Set before each test.
@Tag("either")
@Tag("slow")
class HeldFramesTest {
  private static final int LIMIT = 1 << 19;
  private static final int RECORD_BYTES = 12_000;
  private static final int SEED_COMMAND_BYTES = 1_024;
  private static final int SEED_QUEUE = 16;

  private final List<Socket> sockets = new ArrayList<>();
  private final Path folder;
  private SSLContext tls;
  private Daemon daemon;
  private int port;
  private int seedPort;

  HeldFramesTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeEach
  void start() throws Exception {
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    tls = new TlsFiles(folder.resolve("ca.crt"), null, null).context();
    daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--seed-listen",
            "127.0.0.1:0",
            "--insecure",
            "--tls-cert",
            folder.resolve("server.crt").toString(),
            "--tls-key",
            folder.resolve("server.key").toString(),
            "--limit",
            "max_partial_bytes=" + LIMIT);
    port = daemon.port();
    seedPort = daemon.nextPort();
  }

  @AfterEach
  void end() throws Exception {
    for (Socket socket : sockets) {
      socket.close();
    }
    daemon.close();
  }

  /** What a peer stops within. */
  private enum Part {
    FRAME,
    TLS_RECORD
  }

  @ParameterizedTest
  @EnumSource
  void partsThatComeThroughTlsCount(Part part) throws Exception {
    byte[] frame =
        RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[RECORD_BYTES]);
    Holding first = new Holding();
    RawClient oldest = begin(first, part, frame);
    for (int held = 0; held < 2 * LIMIT; held += RECORD_BYTES) {
      begin(new Holding(), part, frame);
    }
    oldest.expectClose("too_slow");
    Until.holds("its reason", () -> daemon.log().contains("frames not whole yet"));
    assertServes();
  }

  /** One that goes on after all gives back what it held. */
  @Test
  void recordThatBecomesWholeCountsNoMore() throws Exception {
    byte[] frame =
        RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[RECORD_BYTES]);
    for (int sent = 0; sent < 3 * LIMIT; sent += RECORD_BYTES) {
      Holding socket = new Holding();
      RawClient client = begin(socket, Part.TLS_RECORD, frame);
      socket.letGo();
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
    assertTrue(!daemon.log().contains("not whole yet"), daemon.log());
  }

  @Test
  void commandsThatWaitOnTheSeedListenerCount() throws Exception {
    Socket oldest = wait(0);
    for (int held = 0; held < 2 * LIMIT; held += (SEED_QUEUE - 1) * SEED_COMMAND_BYTES) {
      wait(held);
    }
    awaitClose(oldest);
    Until.holds(
        "its reason", () -> daemon.log().contains("commands that wait, of all connections"));
    assertServes();
  }

  /** By a reset, if something that it sent was not read any more. */
  private static void awaitClose(Socket socket) throws IOException {
    try {
      assertEquals(-1, socket.getInputStream().read());
    } catch (SocketException e) {
      assertEquals("Connection reset", e.getMessage());
    }
  }

  private RawClient begin(Holding plain, Part part, byte[] frame) throws Exception {
    RawClient client = new RawClient(over(plain));
    assertEquals("pong", client.ask("'type':'ping'").type());
    if (part == Part.FRAME) {
      client.send(Arrays.copyOf(frame, frame.length - 1));
    } else {
      plain.holdBack();
      client.send(frame);
    }
    return client;
  }

  private SSLSocket over(Socket plain) throws IOException {
    sockets.add(plain);
    return (SSLSocket) tls.getSocketFactory().createSocket(plain, "localhost", port, true);
  }

  /** One runs, and almost so many wait for its end as may: it waits itself at first. */
  private Socket wait(int number) throws IOException {
    Socket socket = new Socket(InetAddress.getLoopbackAddress(), seedPort);
    sockets.add(socket);
    socket.setSoTimeout(30_000);
    StringBuilder commands = new StringBuilder();
    for (int i = 0; i < SEED_QUEUE - 1; i++) {
      String command = i == 0 ? "exec sleep 600" : "echo " + number;
      commands.append(command).append(" ".repeat(SEED_COMMAND_BYTES - command.length()));
    }
    socket.getOutputStream().write(commands.toString().getBytes(US_ASCII));
    return socket;
  }

  private void assertServes() throws Exception {
    RawClient client = new RawClient(over(new Holding()));
    byte[] frame = RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[131_072]);
    for (int i = 0; i < 5; i++) {
      client.send(Arrays.copyOf(frame, 100_000));
      client.send(Arrays.copyOfRange(frame, 100_000, frame.length));
      assertEquals(0, client.ask("'argv':['true']").number("exit_code"));
    }
  }

  /** Keeps the last byte of each record, if it is told to. */
  private final class Holding extends Socket {
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private boolean holding;

    Holding() throws IOException {
      super(InetAddress.getLoopbackAddress(), port);
    }

    void holdBack() {
      holding = true;
    }

    void letGo() throws IOException {
      holding = false;
      super.getOutputStream().write(kept.toByteArray());
    }

    @Override
    public OutputStream getOutputStream() throws IOException {
      OutputStream out = super.getOutputStream();
      return new OutputStream() {
        @Override
        public void write(int one) throws IOException {
          write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int from, int length) throws IOException {
          int now = holding ? length - 1 : length;
          out.write(bytes, from, now);
          kept.write(bytes, from + now, length - now);
        }
      };
    }
  }
}
