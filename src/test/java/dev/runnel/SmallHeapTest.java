package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A daemon with little memory, offered far more than that: what it has no room for, it leaves. */
@SuppressWarnings("NullAway.Init") // Set before each test.
class SmallHeapTest {
  private static final List<String> LITTLE_MEMORY =
      List.of("-Xmx48m", "-XX:MaxDirectMemorySize=24m", "-XX:+ExitOnOutOfMemoryError");

  private static final int PATIENCE_MILLIS = 30_000;

  private final List<Client> clients = new ArrayList<>();
  private Daemon daemon;
  private int port;

  @BeforeEach
  void start() throws IOException {
    daemon = Daemon.start(LITTLE_MEMORY, "--listen", "127.0.0.1:0", "--insecure");
    port = daemon.port();
  }

  @AfterEach
  void end() throws IOException {
    for (Client client : clients) {
      client.socket.close();
    }
    daemon.close();
  }

  @Test
  void survivesAGigabyteForThoseWhoReadAndAreNotReading() throws Exception {
    offer(1_000);
  }

  @Test
  @Tag("long")
  @Timeout(600)
  void survivesTwentyGigabytesForThoseWhoReadAndAreNotReading() throws Exception {
    offer(20_000);
  }

  private void offer(int megabytes) throws Exception {
    for (int i = 0; i < 10; i++) {
      connect().run("exec cat /dev/zero");
    }
    Client reading = connect();
    reading.run("exec dd if=/dev/zero bs=1000000 count=" + megabytes);
    JsonNode end = reading.readToTheEnd();
    assertEquals(megabytes * 1_000_000L, end.path("stdout").path("bytes").asLong());
    assertServes();
  }

  @Test
  void survivesManyWhoseOutputComesInTheSmallestPieces() throws Exception {
    for (int i = 0; i < 20; i++) {
      connect().run("while :; do printf o; printf e >&2; done");
    }
    Client reading = connect();
    reading.run("i=0; while [ $i -lt 2000 ]; do printf o; printf e >&2; i=$((i+1)); done");
    assertEquals(2_000, reading.readToTheEnd().path("stdout").path("bytes").asLong());
    assertServes();
  }

  @Test
  void servesThoseAmongThousandsOfIdleConnections() throws Exception {
    for (int i = 0; i < 2_000; i++) {
      Client client = connect();
      client.send("{\"type\":\"ping\",\"total_size\":0}");
      assertEquals("pong", client.header().path("type").asText());
    }
    for (int i = 0; i < 2_000; i += 100) {
      clients.get(i).run("echo hi");
      assertEquals(3, clients.get(i).readToTheEnd().path("stdout").path("bytes").asLong());
    }
    assertServes();
  }

  private void assertServes() throws Exception {
    Client client = connect();
    client.run("seq 1 100000; exit 5");
    JsonNode end = client.readToTheEnd();
    assertEquals(5, end.path("exit_code").asInt());
    assertEquals(588_895, end.path("stdout").path("bytes").asLong());
    assertTrue(daemon.process().isAlive());
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode(), daemon.log());
    assertTrue(daemon.log().lines().noneMatch(line -> line.contains("ERROR")), daemon.log());
  }

  private Client connect() throws IOException {
    Client client = new Client(new Socket(InetAddress.getLoopbackAddress(), port));
    clients.add(client);
    return client;
  }

  /** As little of a client as there can be: it looks into headers only. */
  private static final class Client {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Socket socket;
    private final DataInputStream in;
    private final byte[] body = new byte[131_072];

    private Client(Socket socket) throws IOException {
      this.socket = socket;
      socket.setSoTimeout(PATIENCE_MILLIS);
      this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream()));
    }

    private void run(String line) throws IOException {
      send("{\"total_size\":" + line.length() + "}", line);
    }

    private void send(String... headerAndBody) throws IOException {
      byte[] text = String.join("", headerAndBody).getBytes(StandardCharsets.US_ASCII);
      ByteBuffer frame = ByteBuffer.allocate(4 + text.length).order(ByteOrder.LITTLE_ENDIAN);
      socket.getOutputStream().write(frame.putInt(headerAndBody[0].length()).put(text).array());
    }

    private JsonNode header() throws IOException {
      return JSON.readTree(in.readNBytes(Integer.reverseBytes(in.readInt())));
    }

    /** Reads to the end, which has to agree with what came before it. */
    private JsonNode readToTheEnd() throws IOException {
      CRC32 stdout = new CRC32();
      while (true) {
        JsonNode header = header();
        int size = header.path("total_size").asInt();
        in.readFully(body, 0, size);
        if (header.path("stream").asText().equals("stdout")) {
          stdout.update(body, 0, size);
        }
        if (header.path("final").asBoolean()) {
          assertEquals(
              stdout.getValue(), header.path("stdout").path("crc32").asLong(), header::toString);
          return header;
        }
      }
    }
  }
}
