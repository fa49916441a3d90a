package dev.runnel;

import static java.nio.charset.StandardCharsets.US_ASCII;
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
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * How much of its machine a daemon takes, started by the launcher as an ordinary user: one who has
 * used up what pipes may hold gets smaller ones.
 */
@Tag("long")
@Timeout(300)
@SuppressWarnings("NullAway.Init") // Set before each test.
class FootprintTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_RSS_KB = 250 * 1024;
  private static final int JOBS = 1_000;
  private static final int JOBS_EACH = 250;
  private static final int CONNECTIONS = 10_000;
  // Every spawner, and nothing for each job or connection.
  private static final int MAX_MORE_THREADS = 24;
  private static final String NOBODY = "65534";

  private final List<Peer> peers = new ArrayList<>();
  private Process daemon;
  private int port;
  private int threadsBefore;

  @BeforeEach
  void start(@TempDir Path folder) throws Exception {
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));
    Launcher launcher = Checkout.copyTo(folder).launcher();
    ProcessBuilder builder = launcher.call("serve", "--listen", "127.0.0.1:0", "--insecure");
    builder.command().addAll(0, asNobody());
    daemon = builder.redirectError(ProcessBuilder.Redirect.DISCARD).start();
    String line = daemon.inputReader().readLine();
    assertTrue(String.valueOf(line).startsWith("listening on "), line);
    port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
    connect().runs("true", 8);
    threadsBefore = status("Threads");
  }

  private static List<String> asNobody() throws IOException {
    if (!Files.getOwner(Path.of("/proc/self")).getName().equals("root")) {
      return List.of();
    }
    Tool.require("setpriv", "FootprintTest");
    return List.of("setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups");
  }

  @AfterEach
  void end() throws Exception {
    for (Peer peer : peers) {
      peer.socket.close();
    }
    daemon.destroy();
    assertTrue(daemon.waitFor(60, TimeUnit.SECONDS), "the daemon does not end");
  }

  @Test
  void aThousandCommandsAtOnceTakeLittleMemoryAndNoThreads() throws Exception {
    for (int i = 0; i < JOBS / JOBS_EACH; i++) {
      connect().starts("echo here; exec sleep 600", JOBS_EACH);
    }
    assertFootprint(JOBS + " commands");
  }

  @Test
  void tenThousandIdleConnectionsTakeLittleMemoryAndNoThreads() throws Exception {
    for (int i = 0; i < CONNECTIONS; i++) {
      Peer peer = connect();
      peer.send("{\"type\":\"ping\",\"total_size\":0}", "");
      assertEquals("pong", peer.header().path("type").asText());
    }
    assertFootprint(CONNECTIONS + " connections");
  }

  private void assertFootprint(String what) throws IOException {
    int rss = status("VmRSS");
    int threads = status("Threads");
    System.out.println(what + ": " + rss / 1024 + " MiB, " + threads + " threads");
    assertTrue(rss <= MAX_RSS_KB, what + ": " + rss + " kB (limit: " + MAX_RSS_KB + ")");
    assertTrue(
        threads <= threadsBefore + MAX_MORE_THREADS,
        what + ": " + threads + " threads (before: " + threadsBefore + ")");
  }

  private int status(String key) throws IOException {
    try (Stream<String> lines = Files.lines(Path.of("/proc/" + daemon.pid() + "/status"))) {
      String line = lines.filter(one -> one.startsWith(key + ":")).findFirst().orElseThrow();
      return Integer.parseInt(line.replaceAll("\\D", ""));
    }
  }

  private Peer connect() throws IOException {
    Peer peer = new Peer(new Socket(InetAddress.getLoopbackAddress(), port));
    peers.add(peer);
    return peer;
  }

  /** A connection; it looks into headers only. */
  private static final class Peer {
    private final Socket socket;
    private final DataInputStream in;

    private Peer(Socket socket) throws IOException {
      this.socket = socket;
      this.in = new DataInputStream(new BufferedInputStream(socket.getInputStream(), 512));
      socket.setSoTimeout(60_000);
    }

    /** Blocks until so many have ended. */
    void runs(String line, int times) throws IOException {
      await(line, times, "final");
    }

    /** Blocks until so many run, and have said something. */
    void starts(String line, int times) throws IOException {
      await(line, times, "offset");
    }

    private void await(String line, int times, String key) throws IOException {
      for (int i = 0; i < times; i++) {
        send("{\"id\":\"" + i + "\",\"total_size\":" + line.length() + "}", line);
      }
      for (int seen = 0; seen < times; ) {
        JsonNode header = header();
        assertEquals("", header.path("message").asText(), header::toString);
        in.skipNBytes(header.path("total_size").asInt());
        seen += header.path(key).asBoolean() || header.path(key).isNumber() ? 1 : 0;
      }
    }

    void send(String header, String body) throws IOException {
      byte[] text = (header + body).getBytes(US_ASCII);
      ByteBuffer frame = ByteBuffer.allocate(4 + text.length).order(ByteOrder.LITTLE_ENDIAN);
      socket.getOutputStream().write(frame.putInt(header.length()).put(text).array());
    }

    JsonNode header() throws IOException {
      return JSON.readTree(in.readNBytes(Integer.reverseBytes(in.readInt())));
    }
  }
}
