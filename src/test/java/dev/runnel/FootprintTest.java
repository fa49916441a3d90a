package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
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
  private static final int MAX_RSS_KB = 250 * 1024;
  private static final int JOBS = 1_000;
  private static final int JOBS_EACH = 250;
  private static final int CONNECTIONS = 10_000;
  // Every spawner, and nothing for each job or connection.
  private static final int MAX_MORE_THREADS = 24;
  private static final String NOBODY = "65534";

  private final List<RawClient> clients = new ArrayList<>();
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
    runAll(connect(), "true", 8);
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
    for (RawClient client : clients) {
      client.close();
    }
    daemon.destroy();
    assertTrue(daemon.waitFor(60, TimeUnit.SECONDS), "the daemon does not end");
  }

  @Test
  void aThousandCommandsAtOnceTakeLittleMemoryAndNoThreads() throws Exception {
    for (int i = 0; i < JOBS / JOBS_EACH; i++) {
      startAll(connect(), "echo here; exec sleep 600", JOBS_EACH);
    }
    assertFootprint(JOBS + " commands");
  }

  @Test
  void tenThousandIdleConnectionsTakeLittleMemoryAndNoThreads() throws Exception {
    for (int i = 0; i < CONNECTIONS; i++) {
      assertEquals("pong", connect().ask("'type':'ping'").type());
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

  private RawClient connect() throws IOException {
    RawClient client = new RawClient(port);
    clients.add(client);
    return client;
  }

  /** Blocks until so many have ended. */
  private static void runAll(RawClient client, String line, int times) throws IOException {
    await(client, line, times, Answer::isFinal);
  }

  /** Blocks until so many run, and have said something. */
  private static void startAll(RawClient client, String line, int times) throws IOException {
    await(client, line, times, answer -> answer.type().equals("output"));
  }

  private static void await(RawClient client, String line, int times, Predicate<Answer> fits)
      throws IOException {
    for (int i = 0; i < times; i++) {
      client.send("'id':'" + i + "'", line);
    }
    for (int seen = 0; seen < times; ) {
      Answer answer = client.next();
      assertEquals("", answer.text("message"), answer::toString);
      seen += fits.test(answer) ? 1 : 0;
    }
  }
}
