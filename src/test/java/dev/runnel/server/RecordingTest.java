package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.record.HeldDisk;
import dev.runnel.record.Recordings;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditSink;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.security.quota.Quotas;
import dev.runnel.settings.PolicyFile;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a node keeps of what its jobs print, over real sockets. SECURITY.md, "Recordings". */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
@Tag("slow")
class RecordingTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Recordings.Limits LIMITS = new Recordings.Limits(8 << 20, 64 << 20);

  @TempDir Path folder;

  /** A recording, line by line. */
  private record Tape(Path file, JsonNode header, List<JsonNode> events) {
    static Tape read(Path file) throws IOException {
      List<JsonNode> lines = new ArrayList<>();
      for (String line : Files.readAllLines(file)) {
        lines.add(JSON.readTree(line));
      }
      return new Tape(file, lines.getFirst(), lines.subList(1, lines.size()));
    }

    List<String> of(String code) {
      return events.stream()
          .filter(event -> event.get(1).asText().equals(code))
          .map(event -> event.get(2).asText())
          .toList();
    }

    String output() {
      return String.join("", of("o"));
    }

    /** The lines that are about the recording itself. */
    List<String> markers() {
      return of("m");
    }
  }

  private Recordings recordings(RecordingScope usual) throws IOException {
    return recordings(usual, Audit.NONE);
  }

  private Recordings recordings(RecordingScope usual, Audit audit) throws IOException {
    return Recordings.open(folder, usual, LIMITS, audit);
  }

  private List<Path> files() throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.filter(file -> file.toString().endsWith(".cast")).sorted().toList();
    }
  }

  /** The recording of a job that has ended, once it is finished. */
  private Tape tape(String job) throws Exception {
    Until.holds("end of the recording", () -> isFinished(job));
    return Tape.read(find(job));
  }

  private boolean isFinished(String job) throws IOException {
    return text(job).contains(", \"m\", \"end: ");
  }

  private String text(String job) throws IOException {
    Path file = find(job);
    return Files.exists(file) ? Files.readString(file) : "";
  }

  private Path find(String job) throws IOException {
    return files().stream()
        .filter(file -> file.toString().endsWith("Z-" + job + ".cast"))
        .findFirst()
        .orElse(folder.resolve("none"));
  }

  @Test
  void terminalsAreRecordedWithTheirSizesAndOthersAreNot() throws Exception {
    try (Recordings recordings = recordings(RecordingScope.TERMINALS);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      assertEquals("end", client.ask("'job':'plain','argv':['echo','hi']").type());
      client.send(
          "'id':'r','job':'on-tty','pty':{'rows':33,'cols':99,'term':'vt220'},'stdin':true",
          "printf 'gr\\303'; sleep 0.1; printf '\\274n\\n'; read x; stty size; exit 3");
      Until.holds("output", () -> text("on-tty").contains("n\\u000d"));
      client.ask("'type':'resize','job':'on-tty','rows':50,'cols':132");
      client.send(RawClient.frame("'type':'stdin','job':'on-tty','offset':0", "\n"));
      client.finish("r");
      Tape tape = tape("on-tty");
      assertEquals(2, tape.header().path("version").asInt());
      assertEquals(99, tape.header().path("width").asInt());
      assertEquals(33, tape.header().path("height").asInt());
      assertEquals("vt220", tape.header().path("env").path("TERM").asText());
      assertEquals("grün\r\n\r\n50 132\r\n", tape.output());
      assertEquals(List.of("132x50"), tape.of("r"));
      assertEquals(List.of("end: exited, exit code 3"), tape.markers());
      assertEquals(
          "rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(tape.file())));
    }
    assertEquals(1, files().size());
  }

  @Test
  void typedSecretsAreNotRecordedWhereTheTerminalDoesNotShowThem() throws Exception {
    try (Recordings recordings = recordings(RecordingScope.TERMINALS);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      client.send(
          "'id':'r','job':'pw','pty':{},'stdin':true", "stty -echo; echo ready; read pw; echo $?");
      Until.holds("prompt", () -> text("pw").contains("ready"));
      client.send(RawClient.frame("'type':'stdin','job':'pw','offset':0", "s3cret\n"));
      client.finish("r");
      Tape tape = tape("pw");
      assertEquals("ready\r\n0\r\n", tape.output());
      assertEquals(List.of(), tape.of("i"));
    }
  }

  @Test
  void allJobsAreRecordedIfAskedFor() throws Exception {
    try (Recordings recordings = recordings(RecordingScope.ALL);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      client.send("'id':'r','job':'plain'", "echo out; echo err >&2");
      client.finish("r");
      Tape tape = tape("plain");
      assertEquals(80, tape.header().path("width").asInt());
      assertTrue(tape.output().contains("out\r\n"), tape.output());
      assertTrue(tape.output().contains("err\r\n"), tape.output());
      assertEquals("start_failed", client.ask("'job':'no','argv':['/nonesuch']").text("outcome"));
      assertEquals(List.of("end: start_failed"), tape("no").markers());
    }
  }

  @Test
  void ruleSaysWhatOfItsJobsIsRecorded() throws Exception {
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            """
            rules:
              - {name: seen, principals: ["*"], commands: [[echo, seen]], pty: true, record: all}
              - {name: unseen, principals: ["*"], commands: [[echo, unseen]], pty: true, record: none}
              - {name: usual, principals: ["*"], commands: [[echo, "*"]], pty: true}
            """);
    try (Recordings recordings = recordings(RecordingScope.TERMINALS);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      node.guard().adopt(PolicyFile.read(policy));
      for (String word : List.of("seen", "unseen", "usual")) {
        String run = "'job':'" + word + "','pty':{},'argv':['echo','" + word + "']";
        assertEquals("end", client.ask(run).type());
        String plain = "'job':'p-" + word + "','argv':['echo','" + word + "']";
        assertEquals("end", client.ask(plain).type());
      }
    }
    List<String> names =
        files().stream().map(file -> file.getFileName().toString().substring(21)).toList();
    assertEquals(List.of("seen.cast", "p-seen.cast", "usual.cast"), names);
  }

  @Test
  void diskThatHangsHoldsUpNobodyAndLeavesAGap() throws Exception {
    HeldDisk disk = new HeldDisk();
    try (Recordings recordings = disk.recordings(folder, Audit.NONE);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      disk.hang();
      client.send("'id':'r','job':'much','retain':65536", "seq 1000000; echo last");
      assertEquals(6_888_901, client.finish("r").stdout().length);
      assertEquals("end", client.ask("'job':'other','argv':['true']").type());
      disk.goOn();
      Tape tape = tape("much");
      assertTrue(tape.output().endsWith("1000000\r\nlast\r\n"), "the end");
      long missing = 0;
      for (String marker : tape.markers().subList(0, tape.markers().size() - 1)) {
        assertTrue(marker.matches("gap: [0-9]+ bytes are missing"), marker);
        missing += Long.parseLong(marker.replaceAll("[^0-9]", ""));
      }
      long lines = tape.output().lines().count();
      assertEquals(6_888_901, missing + tape.output().length() - lines);
      assertTrue(missing > 6_000_000, "missing: " + missing);
    }
  }

  @Test
  void fullDiskCostsTheRecordingAndNotTheJob() throws Exception {
    HeldDisk disk = new HeldDisk();
    Lines lines = new Lines();
    try (AuditLog audit = new AuditLog(lines, OPTIONS)) {
      try (Recordings recordings = disk.recordings(folder, audit);
          TestNode node = new TestNode(guard(audit), recordings);
          RawClient client = node.connect()) {
        disk.fill();
        assertEquals("end", client.ask("'job':'unlucky','argv':['seq','100000']").type());
        Until.holds("the line", () -> lines.of("recorded").size() == 1);
      }
      JsonNode line = lines.of("recorded").getFirst();
      assertEquals("disk: No space left on device", line.path("stopped").asText());
      assertEquals(588_895, line.path("missing_bytes").asLong());
    }
  }

  @Test
  void recordingEndsWhateverItsDiskThrows() throws Exception {
    for (Throwable thrown :
        List.of(new IllegalStateException("odd"), new OutOfMemoryError("odd"))) {
      HeldDisk disk = new HeldDisk();
      Lines lines = new Lines();
      Path own = Files.createDirectory(folder.resolve(thrown.getClass().getSimpleName()));
      try (AuditLog audit = new AuditLog(lines, OPTIONS);
          Recordings recordings = disk.recordings(own, audit);
          TestNode node = new TestNode(guard(audit), recordings);
          RawClient client = node.connect()) {
        disk.fail(thrown);
        assertEquals("end", client.ask("'job':'unlucky','argv':['seq','10']").type());
        Until.holds("its line", () -> lines.of("recorded").size() == 1);
        String stopped = lines.of("recorded").getFirst().path("stopped").asText();
        assertEquals("disk: internal error: " + thrown, stopped);
      }
    }
  }

  @Test
  void fileThatHangsHoldsUpNoOtherRecording() throws Exception {
    HeldDisk disk = new HeldDisk();
    Lines lines = new Lines();
    try (AuditLog audit = new AuditLog(lines, OPTIONS);
        Recordings recordings = disk.recordings(folder, audit);
        TestNode node = new TestNode(guard(audit), recordings);
        RawClient client = node.connect()) {
      disk.hang("stuck");
      assertEquals("end", client.ask("'job':'stuck','argv':['seq','10']").type());
      for (int i = 1; i <= 20; i++) {
        int count = i;
        assertEquals("end", client.ask("'job':'free-" + i + "','argv':['seq','10']").type());
        Until.holds("its line", () -> lines.of("recorded").size() == count);
      }
      disk.goOn();
      Until.holds("the last line", () -> lines.of("recorded").size() == 21);
      assertEquals("stuck", lines.of("recorded").getLast().path("job").asText());
    }
  }

  @Test
  void auditNamesTheRecordingAndSaysHowItTurnedOut() throws Exception {
    Lines lines = new Lines();
    try (AuditLog audit = new AuditLog(lines, OPTIONS)) {
      try (Recordings recordings = recordings(RecordingScope.TERMINALS, audit);
          TestNode node = new TestNode(guard(audit), recordings);
          RawClient client = node.connect()) {
        assertEquals("end", client.ask("'job':'a','pty':{},'argv':['echo','hi']").type());
        assertEquals("end", client.ask("'job':'b','argv':['true']").type());
        Until.holds("the line", () -> lines.of("recorded").size() == 1);
      }
    }
    String name = files().getFirst().getFileName().toString();
    assertEquals(name, lines.of("start").getFirst().path("recording").asText());
    assertFalse(lines.of("start").getLast().has("recording"));
    JsonNode recorded = lines.of("recorded").getFirst();
    assertEquals(name, recorded.path("recording").asText());
    assertEquals("a", recorded.path("job").asText());
    assertEquals(0, recorded.path("missing_bytes").asInt(-1));
    assertFalse(recorded.has("stopped"));
  }

  private static final AuditLog.Options OPTIONS =
      new AuditLog.Options(AuditLog.Options.Arguments.DIGEST, AuditLog.Options.OnFailure.REFUSE);

  private static AccessControl guard(Audit audit) {
    return new AccessControl(Policy.NONE, audit, Quotas.none());
  }

  /** What an audit has written. */
  private static final class Lines implements AuditSink {
    private final List<JsonNode> all = new ArrayList<>();

    @Override
    public synchronized void write(byte[] bytes) throws IOException {
      for (String line : new String(bytes, StandardCharsets.UTF_8).lines().toList()) {
        all.add(JSON.readTree(line));
      }
    }

    synchronized List<JsonNode> of(String event) {
      return all.stream().filter(line -> line.path("event").asText().equals(event)).toList();
    }

    @Override
    public void close() {}
  }

  @Test
  void longRecordingIsCutAndSaysSo() throws Exception {
    Recordings.Limits small = new Recordings.Limits(100_000, 1 << 20);
    try (Recordings recordings = Recordings.open(folder, RecordingScope.ALL, small, Audit.NONE);
        TestNode node = new TestNode(AccessControl.open(), recordings);
        RawClient client = node.connect()) {
      client.send("'id':'r','job':'long','retain':8000000", "seq 1000000");
      assertEquals(6_888_896, client.finish("r").stdout().length);
      Tape tape = tape("long");
      assertEquals(
          List.of("cut: max_recording_bytes: 100000", "end: exited, exit code 0"), tape.markers());
      assertTrue(Files.size(tape.file()) <= 100_000, "bytes: " + Files.size(tape.file()));
      assertTrue(tape.output().startsWith("1\r\n2\r\n"));
    }
  }

  @Test
  void oldestGoWhenThereIsNoRoomAndOtherFilesStay() throws Exception {
    Recordings.Limits small = new Recordings.Limits(100_000, 200_000);
    Files.writeString(folder.resolve("notes.cast"), "x".repeat(300_000));
    for (int round = 0; round < 2; round++) {
      // The second finds what the first has left.
      try (Recordings recordings = Recordings.open(folder, RecordingScope.ALL, small, Audit.NONE);
          TestNode node = new TestNode(AccessControl.open(), recordings);
          RawClient client = node.connect()) {
        for (int i = 0; i < 3; i++) {
          String job = "r" + round + "-" + i;
          client.send("'id':'r','job':'" + job + "'", "seq 100000");
          client.finish("r");
          tape(job);
        }
      }
      long total = 0;
      for (Path file : files()) {
        total += file.endsWith("notes.cast") ? 0 : Files.size(file);
      }
      assertTrue(total <= 200_000 + 1_024, "bytes: " + total);
      assertTrue(Files.exists(find("r" + round + "-2")));
      assertFalse(Files.exists(find("r" + round + "-0")));
      assertTrue(Files.exists(folder.resolve("notes.cast")));
    }
  }

  @Test
  void folderIsOneServersAndWhatEndsWithItIsWhole() throws Exception {
    try (Recordings recordings = recordings(RecordingScope.ALL)) {
      IOException e = assertThrows(IOException.class, () -> recordings(RecordingScope.ALL));
      assertEquals("another server uses it", e.getMessage());
      try (TestNode node = new TestNode(AccessControl.open(), recordings)) {
        RawClient client = node.connect();
        client.send("'id':'r','job':'cut-off','retain':4000000", "seq 300000; exec sleep 100");
        Until.holds("output", () -> text("cut-off").contains("\\u000a300000"));
      }
    }
    Tape tape = Tape.read(find("cut-off"));
    assertTrue(tape.markers().getLast().startsWith("end: shutdown"), tape.markers()::toString);
  }
}
