package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.ResourceLimits;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.ProcView;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Commands within limits, and as other users. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class RestrictionTest {
  private static final OptionalLong NONE = OptionalLong.empty();
  private static final ResourceLimits FEW_FILES =
      new ResourceLimits(NONE, NONE, OptionalLong.of(64), NONE);

  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @TempDir private Path folder;

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  private static String message(Recorder recorder) {
    return Objects.requireNonNull(recorder.failure()).message();
  }

  private static ResourceLimits cpu(long seconds) {
    return new ResourceLimits(OptionalLong.of(seconds), NONE, NONE, NONE);
  }

  private static CommandSpec in(Path directory, String line) {
    return new CommandSpec(
        CommandSpec.shellArgv(Argument.of(line)),
        directory.toString(),
        Map.of(),
        Stderr.SEPARATE,
        Stdin.NULL);
  }

  // Limits.

  @Test
  void everyLimitIsInForceBeforeTheFirstInstruction() {
    ResourceLimits limits =
        new ResourceLimits(
            OptionalLong.of(7),
            OptionalLong.of(1 << 30),
            OptionalLong.of(64),
            OptionalLong.of(4096));
    CommandSpec command = CommandSpec.of("cat", "/proc/self/limits").withLimits(limits);
    String table = Runs.output(engine, command).replaceAll(" +", " ");
    assertTrue(table.contains("Max cpu time 7 8 seconds"), table);
    assertTrue(table.contains("Max address space 1073741824 1073741824 bytes"), table);
    assertTrue(table.contains("Max open files 64 64 files"), table);
    assertTrue(table.contains("Max file size 4096 4096 bytes"), table);
  }

  @Test
  void aLimitThatIsNotGivenIsTheDaemons() {
    String asked = "cat /proc/self/limits | grep -v 'cpu time'";
    assertEquals(
        Runs.output(engine, Runs.shell(asked)),
        Runs.output(engine, Runs.shell(asked).withLimits(cpu(1_000))));
  }

  @Test
  void processorTimeEndsWithItsSignal() {
    Recorder recorder = Runs.run(engine, Runs.shell("while :; do :; done").withLimits(cpu(1)));
    assertEquals(new ExitStatus.Signaled(Signal.XCPU.number()), recorder.status());
  }

  @Test
  void longFilesEndWithTheirSignal() {
    ResourceLimits limits = new ResourceLimits(NONE, NONE, NONE, OptionalLong.of(1_000));
    Path file = folder.resolve("long");
    CommandSpec command = CommandSpec.of("dd", "if=/dev/zero", "of=" + file, "bs=600", "count=9");
    Recorder recorder = Runs.run(engine, command.withLimits(limits));
    assertEquals(new ExitStatus.Signaled(Signal.XFSZ.number()), recorder.status());
    assertEquals(1_000, file.toFile().length());
  }

  @Test
  void aLimitThatCantBeHadIsAFailedStart() {
    ResourceLimits limits = new ResourceLimits(NONE, NONE, OptionalLong.of(1 << 30), NONE);
    Recorder recorder = Runs.run(engine, CommandSpec.of("true").withLimits(limits));
    assertEquals("EPERM limits", recorder.failureText());
    assertTrue(message(recorder).startsWith("open_files: 1073741824"), message(recorder));
  }

  @Test
  void otherFailuresAreToldAsWithoutLimits() throws Exception {
    Path script = Files.writeString(folder.resolve("script"), "#!/no/such\n");
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    for (CommandSpec command :
        new CommandSpec[] {
          CommandSpec.of("/no/such/program"),
          CommandSpec.of("no-such-program"),
          CommandSpec.of(folder.toString()),
          CommandSpec.of(script.toString()),
          CommandSpec.of("true", "x".repeat(200_000)),
          Runs.in("/no/such/directory", "true"),
        }) {
      Recorder plain = Runs.run(engine, command);
      Recorder limited = Runs.run(engine, command.withLimits(FEW_FILES));
      assertEquals(plain.failure(), limited.failure());
    }
  }

  @Test
  void surroundingsAreTheSameWithinLimits() {
    String line =
        "pwd; umask; ls /proc/self/fd | grep -v 3; grep -E '^Sig(Ign|Blk|Cgt)' /proc/self/status;"
            + " test $(ps -o sid= -p $$) = $$ && echo leads";
    CommandSpec command = in(folder, line);
    assertEquals(Runs.output(engine, command), Runs.output(engine, command.withLimits(FEW_FILES)));
  }

  @Test
  void inputAndBothOutputsWorkWithinLimits() {
    Recorder recorder =
        Runs.start(engine, Runs.shellWithInput("cat; echo err >&2").withLimits(FEW_FILES));
    Runs.await("start", () -> recorder.has("started"));
    recorder.offer("typed\n".getBytes(UTF_8));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals("typed\n", recorder.text(Stream.STDOUT));
    assertEquals("err\n", recorder.text(Stream.STDERR));
  }

  @Test
  void manyAtOnceLeaveNothingBehind() {
    Map<String, Integer> before = ProcView.descriptors();
    Recorder[] recorders = new Recorder[64];
    for (int i = 0; i < recorders.length; i++) {
      String program = i % 4 == 0 ? "/no/such" : "true";
      recorders[i] = Runs.start(engine, CommandSpec.of(program).withLimits(FEW_FILES));
    }
    for (Recorder recorder : recorders) {
      Runs.await("end", recorder::isOver);
    }
    Runs.await("descriptors", () -> ProcView.descriptors().equals(before));
  }

  // Users.

  @Tag("root")
  @Test
  void isThatUserAndNobodyElse() throws Exception {
    Tool.requireRoot("RestrictionTest.isThatUserAndNobodyElse");
    String line =
        "id -un; id -gn; id -Gn; echo $HOME $USER $LOGNAME; grep -E '^(Uid|Gid|Cap(Eff|Prm)|NoNewPrivs)' /proc/self/status";
    String[] lines = Runs.output(engine, Runs.shell(line).withUser("nobody")).split("\n", -1);
    assertEquals("nobody", lines[0]);
    assertEquals("nogroup", lines[1]);
    assertEquals("nogroup", lines[2]);
    assertEquals("/nonexistent nobody nobody", lines[3]);
    assertEquals("Uid:\t65534\t65534\t65534\t65534", lines[4]);
    assertEquals("Gid:\t65534\t65534\t65534\t65534", lines[5]);
    assertEquals("CapPrm:\t0000000000000000", lines[6]);
    assertEquals("CapEff:\t0000000000000000", lines[7]);
  }

  @Tag("root")
  @Test
  void seesNothingThatWeWereStartedWith() throws Exception {
    Tool.requireRoot("RestrictionTest.seesNothingThatWeWereStartedWith");
    String known = "(PATH|LANG|LANGUAGE|LC_.*|TZ|HOME|USER|LOGNAME|SHELL|RUNNEL_.*)=.*";
    assertTrue(System.getenv().keySet().stream().anyMatch(name -> !(name + "=").matches(known)));
    for (String user : List.of("nobody", "54321")) {
      String all = Runs.output(engine, CommandSpec.of("env").withUser(user));
      assertTrue(all.lines().allMatch(line -> line.matches(known)), all);
      assertTrue(all.contains("PATH=" + System.getenv("PATH") + "\n"), all);
    }
    // Root is who we are.
    String own = Runs.output(engine, CommandSpec.of("env").withUser("root"));
    assertFalse(own.lines().allMatch(line -> line.matches(known)), own);
  }

  @Tag("root")
  @Test
  void aNumberNeedsNoAccount() throws Exception {
    Tool.requireRoot("RestrictionTest.aNumberNeedsNoAccount");
    CommandSpec command = Runs.shell("id -u; id -g; id -G; echo $HOME").withUser("54321");
    assertEquals("54321\n54321\n54321\n/", Runs.output(engine, command));
    assertEquals("1\ndaemon", Runs.output(engine, Runs.shell("id -u; echo $USER").withUser("1")));
  }

  @Tag("root")
  @Test
  void theEnvironmentThatWasAskedGoesFirst() throws Exception {
    Tool.requireRoot("RestrictionTest.theEnvironmentThatWasAskedGoesFirst");
    CommandSpec command = Runs.with(Map.of("HOME", "/elsewhere"), "sh", "-c", "echo $HOME $USER");
    assertEquals("/elsewhere nobody", Runs.output(engine, command.withUser("nobody")));
  }

  @ParameterizedTest
  @CsvSource({"no-such-user,ENOENT user", "4294967295,ENOENT user", "99999999999,ENOENT user"})
  void aUserThatThereIsNotIsAFailedStart(String user, String failure) {
    Recorder recorder = Runs.run(engine, CommandSpec.of("true").withUser(user));
    assertEquals(failure, recorder.failureText());
    assertEquals("user " + user + ": no such user", message(recorder));
  }

  @Tag("root")
  @Test
  void programAndDirectoryAreThoseThatTheUserMayUse() throws Exception {
    Tool.requireRoot("RestrictionTest.programAndDirectoryAreThoseThatTheUserMayUse");
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwx------"));
    Path program = Files.copy(Path.of("/bin/true"), folder.resolve("program"));
    Recorder hidden = Runs.run(engine, CommandSpec.of(program.toString()).withUser("nobody"));
    assertEquals("EACCES exec", hidden.failureText());

    CommandSpec inside = in(folder, "true");
    assertEquals("EACCES cwd", Runs.run(engine, inside.withUser("nobody")).failureText());
    assertEquals(new ExitStatus.Exited(0), Runs.run(engine, inside).status());

    CommandSpec nowhere = in(folder.resolve("none"), "true");
    assertEquals("ENOENT cwd", Runs.run(engine, nowhere.withUser("root")).failureText());
    CommandSpec unknown = Runs.with(Map.of("PATH", "/usr/bin:/bin"), "none");
    assertEquals("ENOENT exec", Runs.run(engine, unknown.withUser("nobody")).failureText());
  }

  @Tag("root")
  @Test
  void theTerminalIsTheUsers() throws Exception {
    Tool.requireRoot("RestrictionTest.theTerminalIsTheUsers");
    Recorder recorder =
        new Recorder() {
          @Override
          Set<Stream> streams() {
            return EnumSet.of(Stream.STDOUT);
          }
        };
    CommandSpec command =
        Runs.shellWithInput("echo by name >$(tty); stat -c %U $(tty); id -un >/dev/tty")
            .withUser("nobody")
            .withTerminal(new Terminal(TerminalSize.DEFAULT, "xterm"));
    Runs.start(engine, command, recorder);
    Runs.await("end", recorder::isOver);
    assertEquals("by name\r\nnobody\r\nnobody\r\n", recorder.text(Stream.STDOUT));
  }

  @Tag("root")
  @Test
  void aUserOpensItsPipesByName() throws Exception {
    Tool.requireRoot("RestrictionTest.aUserOpensItsPipesByName");
    String line =
        "head -n 1 </dev/stdin; read x </proc/self/fd/0; echo got $x >/dev/stdout;"
            + " echo err >/dev/stderr; echo fd >>/proc/self/fd/1; echo both | tee /dev/stderr";
    CommandSpec command = Runs.shellWithInput(line).withUser("nobody");
    Recorder recorder = Runs.startAndAwait(engine, command);
    recorder.offer("one\ntwo\n".getBytes(UTF_8));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(0), recorder.status());
    assertTrue(recorder.text(Stream.STDOUT).startsWith("one\n"), recorder.text(Stream.STDOUT));
    assertTrue(recorder.text(Stream.STDOUT).endsWith("fd\nboth\n"), recorder.text(Stream.STDOUT));
    assertEquals("err\nboth\n", recorder.text(Stream.STDERR));
  }

  @Tag("root")
  @ParameterizedTest
  @EnumSource(Stderr.class)
  void aUserOpensItsOutputByNameWithoutInput(Stderr stderr) throws Exception {
    Tool.requireRoot("RestrictionTest.aUserOpensItsOutputByNameWithoutInput");
    String line =
        "cat /dev/stdin; echo out >/dev/stdout && echo err >/dev/stderr;"
            + " stat -Lc %U /dev/stdin /dev/stdout /dev/stderr";
    CommandSpec command =
        new CommandSpec(
                CommandSpec.shellArgv(Argument.of(line)), null, Map.of(), stderr, Stdin.NULL)
            .withUser("nobody");
    Recorder recorder =
        new Recorder() {
          @Override
          Set<Stream> streams() {
            return stderr == Stderr.MERGED
                ? EnumSet.of(Stream.STDOUT)
                : EnumSet.allOf(Stream.class);
          }
        };
    Runs.start(engine, command, recorder);
    Runs.await("end", recorder::isOver);
    String all = recorder.text(Stream.STDOUT) + recorder.text(Stream.STDERR);
    assertEquals(
        stderr == Stderr.MERGED
            ? "out\nerr\nroot\nnobody\nnobody\n"
            : "out\nroot\nnobody\nnobody\nerr\n",
        all);
    assertEquals("root", Files.getOwner(Path.of("/dev/null")).getName());
  }

  @Tag("root")
  @Test
  void limitsAreSetBeforeTheUser() throws Exception {
    Tool.requireRoot("RestrictionTest.limitsAreSetBeforeTheUser");
    CommandSpec command = Runs.shell("ulimit -n; id -un").withLimits(FEW_FILES).withUser("nobody");
    assertEquals("64\nnobody", Runs.output(engine, command));
  }

  @Tag("root")
  @Test
  void aUserIsEndedLikeAnybody() throws Exception {
    Tool.requireRoot("RestrictionTest.aUserIsEndedLikeAnybody");
    Recorder recorder =
        Runs.startAndAwait(engine, CommandSpec.of("sleep", "100").withUser("nobody"));
    Runs.clear(engine, recorder, Duration.ofSeconds(10));
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Signaled(Signal.TERM.number()), recorder.status());
  }
}
