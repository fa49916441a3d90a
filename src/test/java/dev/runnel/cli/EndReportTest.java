package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That the report is written whatever happens, and says it. */
@NullMarked
class EndReportTest {
  private static final String OK = "\"outcome\":\"exited\",\"exit_code\":0";

  @TempDir Path folder = Path.of("");

  private final Client client = new Client();

  private Path file() {
    return folder.resolve("report.json");
  }

  private String report() throws Exception {
    String text = Files.readString(file());
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count(), "drafts are left");
    }
    return text;
  }

  @Test
  void tellsTheEnd() throws Exception {
    Files.writeString(file(), "what was there before");
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.stdout("hello");
              peer.end(
                  "\"outcome\":\"exited\",\"exit_code\":3,\"drained\":true,\"leftovers\":"
                      + "[{\"pid\":9,\"command\":\"a \\\"b\\\\\\u0001\",\"ended\":true}],"
                      + "\"leftovers_total\":1,\"started_at_ms\":5,\"duration_ms\":6,\"cpu_ms\":7");
            })) {
      assertEquals(3, client.exec(server, "--report", file().toString(), "x"), client.err());
    }
    assertEquals(
        "{\"exit_status\":3,\"job\":\"j\",\"outcome\":\"exited\",\"exit_code\":3,"
            + "\"stdout\":{\"bytes\":5,\"crc32\":907060870},\"stderr\":{\"bytes\":0,\"crc32\":0},"
            + "\"output_bytes\":5,\"drained\":true,\"leftovers\":[{\"pid\":9,"
            + "\"command\":\"a \\\"b\\\\\\u0001\",\"ended\":true}],\"leftovers_total\":1,"
            + "\"started_at_ms\":5,\"duration_ms\":6,\"cpu_ms\":7,\"gap_bytes\":0}\n",
        report());
  }

  @Test
  void tellsWhatWasLostBesideTheEnd() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.end(OK, FakeServer.Peer.total(1, 1), FakeServer.NOTHING);
            })) {
      assertEquals(255, client.exec(server, "--report", file().toString(), "x"));
    }
    assertTrue(
        report()
            .startsWith(
                "{\"exit_status\":255,\"failure\":\"stdout: 0 bytes arrived, but 1 were written\","
                    + "\"job\":\"j\",\"outcome\":\"exited\",\"exit_code\":0"),
        report());
  }

  @Test
  void tellsOfACut() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
            })) {
      assertEquals(255, client.exec(server, "--report", file().toString(), "x"));
    }
    assertTrue(report().startsWith("{\"exit_status\":255,\"failure\":\"connection to "), report());
  }

  @Test
  void tellsOfAReaderThatLeft() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.stdout("x");
              var _ = peer.readToEnd();
            })) {
      assertEquals(
          141, client.brokenStdout("Broken pipe").exec(server, "--report", file().toString(), "x"));
    }
    assertEquals(
        "{\"exit_status\":141,\"failure\":\"nobody reads stdout: Broken pipe\"}\n", report());
  }

  @Test
  void tellsOfASignal() throws Exception {
    CountDownLatch left = new CountDownLatch(1);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.stdout("x");
              assertTrue(left.await(30, TimeUnit.SECONDS));
              peer.end("\"outcome\":\"canceled\",\"signal\":\"TERM\"");
            })) {
      CompletableFuture<Integer> code =
          client.start(server, "--report", file().toString(), "sleep", "99");
      client.awaitOut("x");
      client.raise("TERM");
      assertEquals(143, client.halted());
      left.countDown();
      assertEquals(143, code.get(30, TimeUnit.SECONDS));
    }
    assertEquals("{\"exit_status\":143,\"failure\":\"ended by SIGTERM\"}\n", report());
  }

  @Test
  void tellsOfNoServerAndOfWrongUsage() throws Exception {
    String report = file().toString();
    assertEquals(255, client.run("exec", "-H", "unix:/nowhere/x", "--report", report, "true"));
    assertTrue(report().contains("cannot reach unix:/nowhere/x"), report());
    assertEquals(255, client.run("exec", "--report", report, "--timeout", "9", "true"));
    assertTrue(report().contains("--timeout: 9"), report());
    assertEquals(255, client.run("exec", "--report", report, "--frob", "true"));
    assertTrue(report().contains("unknown option --frob"), report());
  }

  @Test
  void isRefusedBeforeAnythingRunsWhereItCanNotBeWritten() throws Exception {
    assertEquals(255, client.run("exec", "--report", folder + "/no/r", "-H", "h", "true"));
    assertEquals(
        "runnel: --report: " + folder + "/no: no such folder (see runnel exec --help)\n",
        client.err());
    Client other = new Client();
    assertEquals(255, other.run("exec", "--report", folder.toString(), "-H", "h", "true"));
    assertTrue(other.err().contains(" is a folder"), other.err());
  }

  @Test
  void isWrittenIntoADeviceAndNotInItsPlace() throws Exception {
    assertEquals(255, client.run("exec", "--report", "/dev/null", "-H", "unix:/nowhere/x", "true"));
    assertFalse(Files.isRegularFile(Path.of("/dev/null")));
  }

  @Test
  void isWrittenWhereALinkPoints() throws Exception {
    Path real = Files.createDirectory(folder.resolve("real")).resolve("r");
    Files.writeString(real, "before");
    Files.createSymbolicLink(file(), real);
    assertEquals(
        255, client.run("exec", "--report", file().toString(), "-H", "unix:/nowhere/x", "true"));
    assertTrue(Files.isSymbolicLink(file()));
    assertTrue(Files.readString(real).contains("cannot reach"));
  }
}
