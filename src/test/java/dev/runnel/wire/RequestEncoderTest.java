package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.Labels;
import dev.runnel.model.Request;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Retention;
import dev.runnel.model.Role;
import dev.runnel.model.Signal;
import dev.runnel.model.SystemText;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import java.io.ByteArrayInputStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

@NullMarked
class RequestEncoderTest {
  private static final JobId JOB = new JobId("build-7");

  static final List<Request> REQUESTS =
      List.of(
          new Request.Hello(1, null),
          new Request.Hello(1, "secret"),
          new Request.Hello(1, null, Duration.ofSeconds(15)),
          new Request.Attach(JOB, null, OptionalLong.of(0), OptionalLong.empty(), Role.WATCHER),
          new Request.Attach(JOB, null, OptionalLong.empty(), OptionalLong.empty(), Role.WATCHER),
          new Request.Attach(JOB, "b", OptionalLong.of(9), OptionalLong.of(65_536), Role.RUNNER),
          new Request.Detach(null),
          new Request.Detach("a"),
          new Request.Detach("a", Request.Detach.Linger.LIMITED),
          new Request.Run(JOB, "r", lasting(Retention.FOREVER, Retention.OnFull.DROP), null),
          new Request.Ack("run", 4_096),
          new Request.Ack(null, 0),
          new Request.SendSignal(JOB, Signal.USR1),
          new Request.Cancel(JOB),
          new Request.Cancel(JOB, Duration.ofMillis(1)),
          new Request.Resize(JOB, new TerminalSize(50, 132)),
          new Request.Status(JOB),
          Request.Jobs.ALL,
          new Request.Jobs("build", JobState.DRAINING, new Labels(Map.of("a", "b")), 7),
          new Request.Ping(),
          new Request.Pong(),
          run("ls", "-la"),
          run("/bin/sh", "-c", "echo $HOME"),
          run("/bin/sh", "-c", ""),
          run("/bin/sh", "-c"),
          run("", "an empty word before"),
          run("printf", "ä€𝄞\n\u0001\"\\"),
          new Request.Run(null, JobSpec.of(surroundings())),
          new Request.Run(JOB, "once-1", everything(), "boot-1"));

  private static JobSpec lasting(Duration linger, Retention.OnFull onFull) {
    return JobSpec.of(CommandSpec.of("ls"))
        .withLasting(new Retention(linger, null, onFull, OptionalLong.empty()));
  }

  private static Request.Run run(String... argv) {
    return new Request.Run(null, JobSpec.of(CommandSpec.of(argv)));
  }

  private static CommandSpec surroundings() {
    return CommandSpec.of("vi")
        .withTerminal(new Terminal(new TerminalSize(50, 132), "xterm-256color"))
        .withLimits(
            new ResourceLimits(
                OptionalLong.of(60),
                OptionalLong.of(1L << 30),
                OptionalLong.of(64),
                OptionalLong.of(0)))
        .withUser("build");
  }

  @SuppressWarnings("NullAway") // Does not see in a class file that its values may be null.
  private static JobSpec everything() {
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    env.put("A", "1");
    env.put("GONE", null);
    return new JobSpec(
        new CommandSpec(
            List.of(Argument.of("make")),
            "/src",
            env,
            CommandSpec.Stderr.MERGED,
            CommandSpec.Stdin.PIPE),
        Duration.ofMinutes(5),
        Duration.ofMillis(1),
        Duration.ofMillis(2),
        Duration.ofMillis(3),
        JobSpec.Leftovers.KEEP,
        65_536,
        OptionalLong.of(4_096),
        new Retention(
            Duration.ofMillis(4),
            Duration.ofMillis(5),
            Retention.OnFull.SPOOL,
            OptionalLong.of(6)));
  }

  @ParameterizedTest
  @FieldSource("REQUESTS")
  void isReadBackAsItWas(Request request) throws Exception {
    Frame frame = frame(RequestEncoder.encode(idFor(request), request));
    assertEquals(idFor(request), frame.header().id());
    assertEquals(request, RequestDecoder.decode(frame.header(), frame.body()));
  }

  private static @Nullable String idFor(Request request) {
    return request instanceof Request.Notice ? null : "a";
  }

  @Test
  void sendsStdinWithItsBody() throws Exception {
    byte[] bytes = RawFrames.body(65_536);
    Frame frame = frame(RequestEncoder.encode(null, new Request.Stdin(JOB, 7, bytes, true)));
    Request.Stdin read = (Request.Stdin) RequestDecoder.decode(frame.header(), frame.body());
    assertEquals(7, read.offset());
    assertTrue(read.eof());
    assertArrayEquals(bytes, read.bytes());

    byte[] header = RequestEncoder.stdinHeader(JOB, 7, bytes.length);
    Frame inParts = frame(RawFrames.concat(header, bytes));
    assertArrayEquals(bytes, inParts.body());
  }

  @Test
  void leavesOutWhatHasItsDefault() {
    assertEquals(
        "{\"id\":\"a\",\"argv\":[\"true\"],\"total_size\":0}",
        header(RequestEncoder.encode("a", run("true"))));
    assertEquals("{\"total_size\":6}", header(RequestEncoder.encode(null, shell("ls -la"))));
  }

  @Test
  void keepsTheOrderOfTheProtocol() {
    assertEquals(
        "{\"id\":\"a\",\"argv\":[\"make\"],\"cwd\":\"/src\",\"env\":{\"A\":\"1\",\"GONE\":null},"
            + "\"merge\":true,\"stdin\":true,\"job\":\"build-7\",\"once\":\"once-1\",\"boot\":\"boot-1\","
            + "\"timeout_ms\":300000,\"grace_ms\":1,\"drain_ms\":2,\"drain_max_ms\":3,"
            + "\"linger_ms\":4,\"keep_ms\":5,\"window\":4096,\"retain\":65536,"
            + "\"on_full\":\"spool\",\"spool_bytes\":6,\"leftovers\":\"keep\",\"total_size\":0}",
        header(RequestEncoder.encode("a", new Request.Run(JOB, "once-1", everything(), "boot-1"))));
  }

  @Test
  void saysNothingOfMergingOnATerminalAndNamesOnlyLimitsThatThereAre() {
    OptionalLong none = OptionalLong.empty();
    CommandSpec command =
        CommandSpec.of("vi")
            .withTerminal(new Terminal(new TerminalSize(24, 80), "vt100"))
            .withLimits(new ResourceLimits(none, none, OptionalLong.of(9), none));
    assertEquals(
        "{\"id\":\"a\",\"argv\":[\"vi\"],\"pty\":{\"rows\":24,\"cols\":80,\"term\":\"vt100\"},"
            + "\"limits\":{\"open_files\":9},\"total_size\":0}",
        header(RequestEncoder.encode("a", new Request.Run(null, JobSpec.of(command)))));
  }

  @Test
  void namesOnlyModesThatAreNotAsOnANewTerminal() throws Exception {
    TerminalModes modes =
        new TerminalModes(
            Map.of(TerminalMode.INTR, 11, TerminalMode.IXON, 0, TerminalMode.TOSTOP, 1));
    CommandSpec command =
        CommandSpec.of("vi").withTerminal(new Terminal(new TerminalSize(24, 80), "vt100", modes));
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    byte[] encoded = RequestEncoder.encode("a", run);
    assertEquals(
        "{\"id\":\"a\",\"argv\":[\"vi\"],\"pty\":{\"rows\":24,\"cols\":80,\"term\":\"vt100\","
            + "\"modes\":{\"intr\":11,\"ixon\":false,\"tostop\":true}},\"total_size\":0}",
        header(encoded));
    Frame frame = frame(encoded);
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void putsAFolderAndVariablesThatAreNoTextByThemselves() throws Exception {
    String cwd = SystemText.of(new byte[] {'/', (byte) 0xE9});
    Map<String, @Nullable String> env = new LinkedHashMap<>();
    env.put("TEXT", "é");
    env.put("RAW", SystemText.of(new byte[] {(byte) 0xE9}));
    env.put(SystemText.of(new byte[] {(byte) 0xFF}), null);
    CommandSpec command =
        new CommandSpec(
            List.of(Argument.of("env")),
            cwd,
            env,
            CommandSpec.Stderr.SEPARATE,
            CommandSpec.Stdin.NULL);
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    byte[] encoded = RequestEncoder.encode("a", run);
    assertEquals(
        "{\"id\":\"a\",\"argv\":[\"env\"],\"cwd_b64\":\"L+k=\",\"env\":{\"TEXT\":\"é\"},"
            + "\"env_b64\":[\"UkFXPek=\",\"/w==\"],\"total_size\":0}",
        header(encoded));
    Frame frame = frame(encoded);
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void putsArgumentsThatAreNoTextIntoTheBody() throws Exception {
    Argument bytes = Argument.of(new byte[] {'a', (byte) 0xFF, (byte) 0xC0});
    Request.Run run = of(List.of(Argument.of("printf"), bytes, Argument.of("")));
    Frame frame = frame(RequestEncoder.encode("a", run));
    assertTrue(frame.header().flag("argv_body"));
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void putsArgumentsThatOverflowAHeaderIntoTheBody() throws Exception {
    for (int length : new int[] {65_500, 65_536, 100_000, Limits.MAX_BODY_BYTES - 6}) {
      Request.Run run = run("echo", "x".repeat(length));
      Frame frame = frame(RequestEncoder.encode("a", run));
      assertTrue(frame.header().flag("argv_body"), "length " + length);
      assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
    }
    // Short by themselves, long once they are JSON.
    Request.Run escaped = run("echo", "\u0001".repeat(20_000));
    Frame frame = frame(RequestEncoder.encode("a", escaped));
    assertEquals(escaped, RequestDecoder.decode(frame.header(), frame.body()));
  }

  @Test
  void namesTheLimitThatACommandGoesOver() {
    assertLimit("command: 131073 bytes (limit: 131072)", shell("x".repeat(131_073)));
    assertLimit("command: 131074 bytes (limit: 131072)", run("a", "x".repeat(131_071)));
    CommandSpec command =
        new CommandSpec(
            List.of(Argument.of("env")),
            null,
            Map.of("BIG", "x".repeat(70_000)),
            CommandSpec.Stderr.SEPARATE,
            CommandSpec.Stdin.NULL);
    Request.Run run = new Request.Run(null, JobSpec.of(command));
    String message =
        assertThrows(IllegalArgumentException.class, () -> RequestEncoder.encode("a", run))
            .getMessage();
    assertNotNull(message);
    assertTrue(message.startsWith("header: 700"), message);
    assertTrue(message.endsWith(" bytes (limit: 65536)"), message);
  }

  @Test
  void sendsTheLargestShellLine() throws Exception {
    Request.Run run = shell("x".repeat(Limits.MAX_BODY_BYTES));
    Frame frame = frame(RequestEncoder.encode("a", run));
    assertEquals(run, RequestDecoder.decode(frame.header(), frame.body()));
  }

  private static void assertLimit(String message, Request.Run run) {
    assertEquals(
        message,
        assertThrows(IllegalArgumentException.class, () -> RequestEncoder.encode("a", run))
            .getMessage());
  }

  private static Request.Run shell(String line) {
    return of(CommandSpec.shellArgv(Argument.of(line)));
  }

  private static Request.Run of(List<Argument> argv) {
    CommandSpec command =
        new CommandSpec(argv, null, Map.of(), CommandSpec.Stderr.SEPARATE, CommandSpec.Stdin.NULL);
    return new Request.Run(null, JobSpec.of(command));
  }

  private static String header(byte[] frame) {
    int length = (frame[0] & 0xFF) | (frame[1] & 0xFF) << 8;
    return new String(frame, 4, length, java.nio.charset.StandardCharsets.UTF_8);
  }

  private static Frame frame(byte[] bytes) throws Exception {
    FrameInput in = new FrameInput(new ByteArrayInputStream(bytes));
    Frame frame = in.next();
    assertNotNull(frame);
    assertEquals(null, in.next());
    return frame;
  }
}
