package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.ClientProcess;
import dev.runnel.Daemon;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Audit and recordings as their operator sets them up, of a real daemon; and {@code play}. */
@Tag("slow")
class DaemonRecordsTest {
  private static final ObjectMapper JSON = new ObjectMapper();

  private static Daemon start(String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("--listen", "127.0.0.1:0", "--insecure"));
    arguments.addAll(List.of(more));
    return Daemon.start(arguments.toArray(String[]::new));
  }

  private static List<String> events(List<String> lines) throws IOException {
    List<String> events = new ArrayList<>();
    for (String line : lines) {
      events.add(JSON.readTree(line).path("event").asText());
    }
    return events;
  }

  @Test
  void auditAndRecordingAreWholeWhenTheDaemonHasEnded(@TempDir Path folder) throws Exception {
    Path audit = folder.resolve("audit.jsonl");
    Path tapes = folder.resolve("tapes");
    try (Daemon daemon =
            start(
                "--audit=" + audit, "--audit-argv", "--record-dir", "" + tapes, "--record", "all");
        RawClient client = new RawClient(daemon.port())) {
      client.ask("'job':'one','argv':['echo','s3cret']");
      client.send("'id':'r','job':'two'", "echo before; exec sleep 100");
      client.output("before\n".length());
      daemon.process().destroy();
      assertEquals("shutdown", client.finish("r").outcome());
      assertEquals(0, daemon.exitCode());
    }
    List<String> lines = Files.readAllLines(audit);
    List<String> events = events(lines);
    assertEquals(2, events.stream().filter("start"::equals).count(), lines::toString);
    assertEquals(2, events.stream().filter("end"::equals).count(), lines::toString);
    assertEquals(2, events.stream().filter("recorded"::equals).count(), lines::toString);
    JsonNode start = JSON.readTree(lines.getFirst());
    assertEquals("s3cret", start.path("argv").path(1).asText());
    Path tape = tapes.resolve(start.path("recording").asText());
    assertTrue(Files.readString(tape).contains("s3cret\\u000d\\u000a"));
    try (Player player = Player.of(tape)) {
      assertEquals("s3cret\r\n", player.rest());
      assertEquals(0, player.exitCode());
    }
  }

  @Test
  void auditOnStdoutStandsBetweenTheListenersLines() throws Exception {
    try (Daemon daemon = start("--audit", "stdout");
        RawClient client = new RawClient(daemon.port())) {
      client.ask("'job':'one','argv':['echo','s3cret']");
      String start = daemon.line();
      assertEquals(List.of("start", "end"), events(List.of(start, daemon.line())));
      assertFalse(start.contains("s3cret"), start);
      assertEquals(64, JSON.readTree(start).path("argv_sha256").asText().length());
    }
  }

  @Test
  void whatCannotBeWrittenDownIsNotStarted(@TempDir Path folder) throws Exception {
    Path witness = folder.resolve("ran");
    try (Daemon daemon = start("--audit", "/dev/full");
        RawClient client = new RawClient(daemon.port())) {
      RawClient.Answer refused = client.ask("'argv':['touch','" + witness + "']");
      assertEquals("unavailable", refused.text("code"), refused::toString);
      assertTrue(refused.text("message").startsWith("audit: can't be written: "));
      assertFalse(Files.exists(witness));
      Until.holds("the log", () -> daemon.log().contains("audit can't be written cause="));
    }
  }

  @Test
  void unlessTheOperatorSaidSo(@TempDir Path folder) throws Exception {
    Path witness = folder.resolve("ran");
    try (Daemon daemon = start("--audit", "/dev/full", "--audit-optional");
        RawClient client = new RawClient(daemon.port())) {
      assertEquals("end", client.ask("'argv':['touch','" + witness + "']").type());
      assertTrue(Files.exists(witness));
    }
  }

  @Test
  void whereNothingCanBeKeptThereIsNoStart(@TempDir Path folder) throws Exception {
    Path file = Files.writeString(folder.resolve("file"), "");
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            "rules: [{name: a, principals: ['*'], commands: [['true']], record: all}]\n");
    String[][] all = {
      {"--audit", folder.resolve("none/audit").toString(), "cannot write the audit "},
      {"--record-dir", file.toString(), "--record-dir " + file + ": "},
      {"--policy", policy.toString(), "a rule has record, but there is no --record-dir"},
      {"--record", "some", "--record: some (expected: none, terminals or all)"}
    };
    for (String[] one : all) {
      try (Daemon daemon = start(one[0], one[1])) {
        assertTrue(daemon.exitCode() > 0);
        assertTrue(daemon.log().contains("runnel: "), daemon.log());
        assertTrue(daemon.log().contains(one[2]), daemon.log());
      }
    }
  }

  @Test
  void ctrlCEndsThePlayingInTheMiddle(@TempDir Path folder) throws Exception {
    Path tape =
        Files.writeString(
            folder.resolve("long.cast"),
            """
            {"version": 2, "width": 80, "height": 24}
            [0, "o", "first\\n"]
            [1000, "o", "second\\n"]
            """);
    try (Player player = Player.of(tape)) {
      assertEquals("first", player.line());
      player.interrupt();
      assertEquals("", player.rest());
      assertEquals(130, player.exitCode());
    }
  }

  /** {@code runnel play} in a process of its own. */
  private record Player(Process process) implements AutoCloseable {
    static Player of(Path tape) throws IOException {
      return new Player(new ProcessBuilder(ClientProcess.command("play", tape.toString())).start());
    }

    String line() throws IOException {
      return process.inputReader(StandardCharsets.UTF_8).readLine();
    }

    String rest() throws IOException {
      StringBuilder rest = new StringBuilder();
      var reader = process.inputReader(StandardCharsets.UTF_8);
      for (int c = reader.read(); c >= 0; c = reader.read()) {
        rest.append((char) c);
      }
      return rest.toString();
    }

    void interrupt() throws Exception {
      Process kill = new ProcessBuilder("kill", "-INT", "" + process.pid()).start();
      assertEquals(0, kill.waitFor());
    }

    int exitCode() throws InterruptedException {
      assertTrue(process.waitFor(30, TimeUnit.SECONDS), "it still plays");
      return process.exitValue();
    }

    @Override
    public void close() {
      process.destroyForcibly().onExit().orTimeout(30, TimeUnit.SECONDS).join();
    }
  }
}
