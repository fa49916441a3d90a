package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Jobs on disk, and what another life of a real daemon tells of them. */
@Tag("slow")
class SpoolRestartTest {
  private static final String SPOOLED =
      "'on_full':'spool','linger_ms':'forever','keep_ms':86400000";

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  @SuppressWarnings("NullAway.Init") // Made by start.
  private Daemon daemon;

  @AfterEach
  void close() throws IOException {
    daemon.close();
  }

  private RawClient start(String... more) throws IOException {
    String[] arguments =
        Stream.concat(
                Stream.of(
                    "--listen",
                    "127.0.0.1:0",
                    "--insecure",
                    "--dumpable",
                    "--state-dir",
                    folder.resolve("state").toString()),
                Stream.of(more))
            .toArray(String[]::new);
    daemon = Daemon.start(arguments);
    return new RawClient(daemon.port());
  }

  private RawClient killAndStart() throws IOException {
    daemon.close();
    return start();
  }

  private long spooled(String job) throws IOException {
    return Files.size(folder.resolve("state/jobs").resolve(job).resolve("spool"));
  }

  /** Whether that is on the disk, at the end of what was written. */
  private boolean isSpooled(String job, String last) throws IOException {
    Path file = folder.resolve("state/jobs").resolve(job).resolve("spool");
    if (!Files.exists(file)) {
      return false;
    }
    try (FileChannel spool = FileChannel.open(file)) {
      ByteBuffer end = ByteBuffer.allocate((int) Math.min(4_096, spool.size()));
      int read = spool.read(end, spool.size() - end.capacity());
      String text = new String(end.array(), 0, Math.max(0, read), StandardCharsets.ISO_8859_1);
      return text.contains(last);
    }
  }

  private static String lines(int to) {
    StringBuilder lines = new StringBuilder();
    IntStream.rangeClosed(1, to).forEach(i -> lines.append(i).append('\n'));
    return lines.toString();
  }

  @Test
  void jobOfAKilledDaemonIsLostWithAllItsOutput() throws Exception {
    String expected = lines(500_000);
    String boot;
    try (RawClient client = start()) {
      assertTrue(client.ask("'type':'hello','version':1").header().toString().contains("spool"));
      client.send("'id':'r','job':'Night','once':'o'," + SPOOLED, "seq 1 500000; exec sleep 600");
      Answer started = client.nextOfType("started");
      boot = started.text("boot");
      client.ask("'type':'detach','follow':'r'");
      Until.holds("all to be written", () -> isSpooled("=night", "\n499999\n500000\n"));
      daemon.close();
      ProcessHandle.of(started.number("pid")).ifPresent(ProcessHandle::destroyForcibly);
    }
    try (RawClient client = start()) {
      checkLost(client, expected);
      Answer stale =
          client.ask("'job':'Night','once':'o','boot':'" + boot + "','argv':['true']," + SPOOLED);
      assertEquals("stale", stale.text("code"));
      assertEquals(
          "job_exists", client.ask("'job':'Night','argv':['true']," + SPOOLED).text("code"));
      client.send("'id':'again','job':'Night','once':'o'," + SPOOLED, "touch again");
      Answer started = client.nextOfType("started");
      assertTrue(started.header().path("existing").asBoolean());
      Ran ran = client.finish("again");
      assertEquals("lost", ran.outcome());
      assertEquals(expected, ran.out());
      assertEquals("ended", client.ask("'type':'cancel','job':'Night'").text("state"));
    }
    try (RawClient client = killAndStart()) {
      checkLost(client, expected);
    }
  }

  private static void checkLost(RawClient client, String expected) throws IOException {
    Answer status = client.ask("'type':'status','job':'Night'");
    assertEquals("ended", status.text("state"), status::toString);
    assertEquals("lost", status.text("outcome"), status::toString);
    assertFalse(status.header().has("exit_code"), status::toString);
    assertTrue(status.header().has("started_at_ms"), status::toString);
    client.send("'type':'attach','id':'a','job':'Night'");
    assertEquals("ended", client.nextOfType("started").text("state"));
    Ran ran = client.finish("a");
    assertEquals(expected, ran.out());
    assertEquals("lost", ran.outcome());
    assertEquals(expected.length(), ran.end().path("output_bytes").asLong());
    assertEquals(expected.length(), ran.end().path("stdout").path("bytes").asLong());
    assertEquals(0, ran.end().path("gap_bytes").asLong(-1));
  }

  @Test
  void jobThatHadEndedIsToldWithItsTrueEnd() throws Exception {
    try (RawClient client = start()) {
      client.send("'id':'r','job':'done','once':'o'," + SPOOLED, "seq 1 1000; echo oh >&2; exit 3");
      assertEquals(lines(1000), client.finish("r").out());
      // Its end may be on the way to the disk.
      Until.holds("the end to be written", () -> spooled("done") > lines(1000).length() + 500);
    }
    try (RawClient client = killAndStart()) {
      client.send("'type':'attach','id':'a','job':'done'");
      assertEquals(3, client.nextOfType("exited").number("exit_code"));
      Ran ran = client.finish("a");
      assertEquals(lines(1000), ran.out());
      assertEquals("exited", ran.outcome());
      assertEquals(3, ran.end().path("exit_code").asInt());
      assertTrue(ran.end().has("cpu_ms"), () -> ran.end().toString());
    }
  }

  @Test
  void jobsThatWereShutDownAreToldSo() throws Exception {
    try (RawClient client = start()) {
      client.send("'id':'r','job':'shut','once':'o'," + SPOOLED, "echo on; exec sleep 600");
      assertEquals("on\n", client.output(3));
      daemon.process().destroy();
      assertEquals("shutdown", client.finish("r").outcome());
      assertEquals(0, daemon.exitCode());
    }
    try (RawClient client = killAndStart()) {
      client.send("'type':'attach','id':'a','job':'shut'");
      Ran ran = client.finish("a");
      assertEquals("on\n", ran.out());
      assertEquals("shutdown", ran.outcome());
    }
  }

  @Test
  void jobsWhoseSpoolWasFullAreToldWithTheirTrueEnd() throws Exception {
    List<String> jobs = List.of("full-1", "full-2", "full-3");
    try (RawClient client = start()) {
      for (String job : jobs) {
        client.send(
            "'id':'r','job':'" + job + "','spool_bytes':200000,'retain':65536," + SPOOLED,
            "seq 1 100000; exec sleep 600");
        client.nextOfType("started");
        client.ask("'type':'detach','follow':'r'");
      }
      for (String job : jobs) {
        Until.holds("all to be printed", () -> outputBytes(client, job) == 588_895);
      }
    }
    // With nobody connected, for whom it would wait.
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode());
    try (RawClient client = killAndStart()) {
      for (String job : jobs) {
        Answer status = client.ask("'type':'status','job':'" + job + "'");
        assertEquals("shutdown", status.text("outcome"), status::toString);
        assertEquals(588_895, status.number("output_bytes"), status::toString);
      }
    }
  }

  private static long outputBytes(RawClient client, String job) throws IOException {
    return client.ask("'type':'status','job':'" + job + "'").number("output_bytes");
  }

  @Test
  void whatIsBeyondTheLimitIsAGapAndTheCommandDoesNotNotice() throws Exception {
    try (RawClient client = start()) {
      client.send(
          "'id':'r','job':'big','spool_bytes':200000,'retain':65536," + SPOOLED,
          "read -r _ </dev/null; while ! [ -e '"
              + folder
              + "/go' ]; do sleep 0.05; done;"
              + " seq 1 500000; exit 4");
      client.nextOfType("started");
      client.ask("'type':'detach','follow':'r'");
      Files.createFile(folder.resolve("go"));
      Until.holds(
          "the end", () -> client.ask("'type':'status','job':'big'").text("state").equals("ended"));
      client.send("'type':'attach','id':'a','job':'big'");
      Answer gap = client.nextThat(answer -> answer.type().equals("gap"));
      Ran ran = client.finish("a");
      String all = lines(500_000);
      int from = (int) gap.number("from");
      int to = (int) gap.number("to");
      assertTrue(from > 190_000 && from <= 200_000, gap::toString);
      assertEquals(all.substring(0, from) + all.substring(to), ran.out());
      assertEquals(to - from, ran.end().path("gap_bytes").asLong());
      assertEquals(4, ran.end().path("exit_code").asInt());
    }
  }

  @Test
  void jobWhoseTimeIsOverLeavesNothing() throws Exception {
    try (RawClient client = start()) {
      client.send("'id':'r','job':'brief','on_full':'spool','keep_ms':1", "echo on");
      client.finish("r");
      Until.holds("its folder to go", () -> Files.notExists(folder.resolve("state/jobs/brief")));
      assertEquals("unknown_job", client.ask("'type':'status','job':'brief'").text("code"));
    }
  }

  @Test
  void jobWhoseTimeIsOverBeforeTheNextLifeIsNotKnownToIt() throws Exception {
    long over;
    try (RawClient client = start()) {
      for (String job : List.of("brief", "long")) {
        String keep = "'keep_ms':" + (job.equals("brief") ? "1500" : "86400000");
        client.send("'id':'r','job':'" + job + "','on_full':'spool'," + keep, "echo on");
        client.finish("r");
      }
      over = System.nanoTime() + 2_000_000_000L;
    }
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode());
    daemon.close();
    Until.holds("the time to be over", () -> System.nanoTime() > over);
    try (RawClient client = start()) {
      assertEquals("unknown_job", client.ask("'type':'attach','job':'brief'").text("code"));
      client.send("'type':'attach','id':'a','job':'long'");
      assertEquals("on\n", client.finish("a").out());
      Until.holds("its folder to go", () -> Files.notExists(folder.resolve("state/jobs/brief")));
      client.send("'id':'r','job':'brief','on_full':'spool'", "echo anew");
      assertEquals("anew\n", client.finish("r").out());
    }
  }

  @Test
  void whatWasRunOnceIsNotRunAgainThoughItsJobWasDrivenOutAndTheDaemonStartedAnew()
      throws Exception {
    String[] few = {"--limit", "max_ended=2"};
    Path ran = folder.resolve("ran");
    try (RawClient client = start(few)) {
      runOnce(client, ran);
      // Others drive it out.
      for (String job : List.of("A", "B", "C")) {
        client.send("'id':'" + job + "','job':'" + job + "'," + SPOOLED, "seq 1000");
        assertEquals(0, client.finish(job).end().get("exit_code").intValue());
      }
      assertEquals("unknown_job", client.ask("'type':'status','job':'Night'").text("code"));
      assertEquals("job_exists", client.ask(onceRequest(ran)).text("code"));
      Until.holds("its output to be gone", () -> spooled("=night") < 1_000);
      assertFalse(Files.exists(folder.resolve("state/jobs/=a")));
    }
    daemon.close();
    try (RawClient client = start(few)) {
      assertEquals("job_exists", client.ask(onceRequest(ran)).text("code"));
    }
    assertEquals(1, Files.readAllLines(ran).size());
  }

  private static void runOnce(RawClient client, Path ran) throws IOException {
    client.send("'id':'r'," + onceRequest(ran));
    assertEquals(0, client.finish("r").end().get("exit_code").intValue());
  }

  private static String onceRequest(Path ran) {
    return "'job':'Night','once':'o',"
        + SPOOLED
        + ",'argv':['sh','-c','echo ran >>"
        + ran
        + "; seq 1000']";
  }

  @Test
  void noDescriptorIsLeft() throws Exception {
    try (RawClient client = start()) {
      round(client, "warm");
      long before = descriptors();
      for (int i = 0; i < 20; i++) {
        round(client, "n" + i);
      }
      Until.holds("descriptors to be closed", () -> descriptors() <= before);
    }
  }

  private void round(RawClient client, String job) throws IOException {
    client.send("'id':'r','job':'" + job + "','retain':65536," + SPOOLED, "seq 1 100000");
    assertEquals("exited", client.finish("r").outcome());
    client.send("'type':'attach','id':'a','job':'" + job + "'");
    assertEquals(lines(100_000), client.finish("a").out());
  }

  private long descriptors() throws IOException {
    try (Stream<Path> all = Files.list(Path.of("/proc/" + daemon.process().pid() + "/fd"))) {
      return all.count();
    }
  }

  @Test
  void whereThereIsNoDiskItIsNotOffered() throws Exception {
    try (RawClient client = start("--state-dir", "none")) {
      assertFalse(
          client
              .ask("'type':'hello','version':1")
              .header()
              .path("features")
              .toString()
              .contains("spool"));
      assertEquals("unsupported", client.ask("'on_full':'spool','argv':['true']").text("code"));
    }
  }
}
