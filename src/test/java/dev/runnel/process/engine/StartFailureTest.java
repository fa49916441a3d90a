package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.StartFailure;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.SearchPath;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What can't be started is said to be so, with errno and step, and leaves nothing behind. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class StartFailureTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @TempDir
  @SuppressWarnings("NullAway.Init")
  Path folder;

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  private String failure(CommandSpec command) {
    Recorder recorder = Runs.run(engine, command);
    assertEquals(List.of("startFailed"), recorder.events());
    return recorder.failureText();
  }

  private Path file(String name, String mode, String text) throws IOException {
    Path file = Files.writeString(folder.resolve(name), text);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
  }

  @Test
  void namesTheMissingExecutable() {
    StartFailure failure = Runs.run(engine, CommandSpec.of("/no/such")).failure();
    assertEquals(
        new StartFailure(
            "ENOENT", StartFailure.At.EXEC, "exec /no/such: No such file or directory"),
        failure);
    assertEquals("ENOENT exec", failure(CommandSpec.of("no-such-command-anywhere")));
    assertEquals("ENOENT exec", failure(CommandSpec.of("")));
    assertEquals("ENOTDIR exec", failure(CommandSpec.of("/dev/null/x")));
  }

  @Test
  void tellsWhatMayNotBeRunFromWhatIsNotThere() throws IOException {
    Path file = file("plain", "rw-r--r--", "x");
    assertEquals("EACCES exec", failure(CommandSpec.of(file.toString())));
    assertEquals("EACCES exec", failure(CommandSpec.of("/")));
  }

  @Test
  void tellsWhatIsNoExecutable() throws IOException {
    Path file = file("text", "rwxr-xr-x", "no magic\n");
    assertEquals("ENOEXEC exec", failure(CommandSpec.of(file.toString())));
  }

  @Test
  void namesTheInterpreterRatherThanTheScriptThatIsThere() throws IOException {
    Path script = file("script", "rwxr-xr-x", "#!/no/such/interpreter\n");
    StartFailure failure = Runs.run(engine, CommandSpec.of(script.toString())).failure();
    assertNotNull(failure);
    assertEquals("ENOENT", failure.errno());
    assertEquals(
        "exec " + script + ": its interpreter or loader: No such file or directory",
        failure.message());
  }

  @Test
  void tellsAMissingDirectoryFromAMissingExecutable() throws IOException {
    Path file = file("nodir", "rw-r--r--", "x");
    assertEquals("ENOENT cwd", failure(Runs.in("/no/such", "/bin/true")));
    assertEquals("ENOTDIR cwd", failure(Runs.in(file.toString(), "/bin/true")));
    assertEquals("ENOENT exec", failure(Runs.in(folder.toString(), "/no/such")));
    StartFailure failure = Runs.run(engine, Runs.in("/no/such", "/bin/true")).failure();
    assertNotNull(failure);
    assertEquals("cwd /no/such: No such file or directory", failure.message());
  }

  @Test
  void refusesArgumentsThatAreTooLong() {
    String tooLong = "x".repeat(131_072);
    assertEquals("E2BIG exec", failure(CommandSpec.of("/bin/true", tooLong)));
    assertEquals("E2BIG exec", failure(Runs.with(Map.of("A", tooLong), "/bin/true")));
    String[] many = new String[100];
    Arrays.fill(many, "x".repeat(100_000));
    many[0] = "/bin/true";
    assertEquals("E2BIG exec", failure(CommandSpec.of(many)));
  }

  @Test
  void refusesWhatACStringWouldCutShort() {
    assertEquals("EINVAL exec", failure(Runs.with(Map.of("A", "b\0c"), "/bin/true")));
    assertEquals("EINVAL exec", failure(Runs.with(Map.of("A=B", "c"), "/bin/true")));
    assertEquals("EINVAL exec", failure(Runs.with(Map.of("", "c"), "/bin/true")));
    assertEquals("EINVAL cwd", failure(Runs.in("/tmp\0/x", "/bin/true")));
  }

  @Test
  void looksForTheExecutableAlongTheChildsPath() throws IOException {
    Path first = Files.createDirectories(folder.resolve("first"));
    Path second = Files.createDirectories(folder.resolve("second"));
    // A directory of that name is passed over, and so is what may not be run.
    Files.createDirectories(first.resolve("where"));
    file("first/other", "rw-r--r--", "x");
    file("second/where", "rwxr-xr-x", "#!/bin/sh\necho \"$0\"\n");
    String path = first + ":" + second;
    assertEquals(second + "/where", Runs.output(engine, Runs.with(Map.of("PATH", path), "where")));
    assertEquals("EACCES exec", failure(Runs.with(Map.of("PATH", path), "other")));
    assertEquals("ENOENT exec", failure(Runs.with(Map.of("PATH", "/no/such"), "sh")));
  }

  @Test
  void beginsRelativeEntriesOfThePathInTheChildsDirectory() throws IOException {
    Files.createDirectories(folder.resolve("bin"));
    file("bin/where", "rwxr-xr-x", "#!/bin/sh\necho \"$0\"\n");
    file("here", "rwxr-xr-x", "#!/bin/sh\necho \"$0\"\n");
    assertEquals("bin/where", Runs.output(engine, inFolder("no:bin", "where")));
    assertEquals("./here", Runs.output(engine, inFolder("bin:", "here")));
    assertEquals("./here", Runs.output(engine, Runs.in(folder.toString(), "./here")));
  }

  private CommandSpec inFolder(String path, String name) {
    return new CommandSpec(
        List.of(Argument.of(name)),
        folder.toString(),
        Map.of("PATH", path),
        Stderr.SEPARATE,
        Stdin.NULL);
  }

  @Test
  void looksInTheUsualPlacesWithoutAPath() {
    Map<String, @Nullable String> noPath = Collections.singletonMap("PATH", null);
    assertEquals("hello", Runs.output(engine, Runs.with(noPath, "echo", "hello")));
  }

  @Test
  void saysThatNoDescriptorsAreLeftAndRecovers() {
    assertEquals("ENOENT exec", failure(CommandSpec.of("/no/such")));
    // Loaded now: that takes a descriptor, too.
    assertEquals(Errno.EMFILE, new LibcException("loaded", Errno.EMFILE).errno());
    Recorder recorder = new Recorder();
    long[] limits = Pid.openFiles(0);
    try {
      Pid.setOpenFiles(0, 3, limits[1]);
      Runs.start(engine, CommandSpec.of("/bin/true"), recorder);
      Runs.await("failure", recorder::isUnstarted);
    } finally {
      Pid.setOpenFiles(0, limits[0], limits[1]);
    }
    assertEquals("EMFILE exec", recorder.failureText());
    assertEquals("hello", Runs.output(engine, CommandSpec.of("echo", "hello")));
  }

  /** With one more descriptor in each round a start gets one step further. */
  @Test
  void leavesNothingBehindWhicheverStepFindsNoDescriptor() {
    CommandSpec piped = Runs.shellWithInput("exit 5");
    CommandSpec piece =
        new CommandSpec(piped.argv(), folder.toString(), Map.of(), Stderr.SEPARATE, Stdin.PIPE);
    CommandSpec onTerminal = piece.withTerminal(new Terminal(TerminalSize.DEFAULT, "xterm"));
    // Loaded now: that takes descriptors, too.
    assertEquals("ENOENT exec", failure(CommandSpec.of("/no/such")));
    assertEquals("ENOENT cwd", failure(Runs.in("/no/such", "/bin/true")));
    assertEquals(Errno.EMFILE, new LibcException("loaded", Errno.EMFILE).errno());
    assertTrue(runsWith(20, piece));
    assertTrue(runsWith(20, onTerminal));
    Map<String, Integer> before = ProcView.descriptors();
    List<Integer> childrenBefore = ProcView.children();
    for (CommandSpec command : List.of(piece, onTerminal)) {
      int left = 0;
      while (!runsWith(left, command)) {
        left++;
      }
      assertTrue(left > 3, () -> "needs " + command);
    }
    ProcView.awaitNoChildrenBut(childrenBefore);
    Runs.await("descriptors", () -> ProcView.descriptors().equals(before));
  }

  /** False if it could not be started with so few descriptors. */
  private boolean runsWith(int descriptors, CommandSpec command) {
    long[] limits = Pid.openFiles(0);
    Recorder recorder = new Recorder();
    // None is free below the highest.
    List<Integer> filling = new ArrayList<>();
    try {
      int highest = highestDescriptor();
      int last;
      do {
        last = Fd.open("/dev/null".getBytes(UTF_8), Fd.O_RDONLY);
        filling.add(last);
      } while (last < highest);
      Pid.setOpenFiles(0, last + 1 + descriptors, limits[1]);
      Runs.start(engine, command, recorder);
      Runs.await("an outcome", () -> recorder.isUnstarted() || recorder.has("exited"));
    } finally {
      Pid.setOpenFiles(0, limits[0], limits[1]);
      filling.forEach(Fd::close);
    }
    if (recorder.isUnstarted()) {
      assertEquals("EMFILE exec", recorder.failureText().replace("EMFILE cwd", "EMFILE exec"));
      return false;
    }
    assertEquals(new ExitStatus.Exited(5), recorder.status());
    return true;
  }

  private static int highestDescriptor() {
    return ProcView.list(Path.of("/proc/self/fd")).stream()
        .mapToInt(fd -> Integer.parseInt(fd.getFileName().toString()))
        .max()
        .orElseThrow();
  }

  @Test
  void leavesNoDescriptorBehind() throws IOException {
    Path plain = file("left", "rw-r--r--", "x");
    failure(CommandSpec.of(plain.toString()));
    Map<String, Integer> before = ProcView.descriptors();
    List<Integer> childrenBefore = ProcView.children();
    for (int i = 0; i < 50; i++) {
      failure(CommandSpec.of("/no/such"));
      failure(CommandSpec.of(plain.toString()));
      failure(Runs.in("/no/such", "/bin/true"));
      failure(Runs.in(folder.toString(), "/no/such"));
      failure(CommandSpec.of("/bin/true", "x".repeat(131_072)));
    }
    assertEquals(before, ProcView.descriptors());
    ProcView.awaitNoChildrenBut(childrenBefore);
  }

  @Test
  void searchesAsExecvpDoes() {
    assertEquals(List.of("/a/x", "./x", "b/x"), candidates("x", "/a::b"));
    assertEquals(List.of("./x"), candidates("x", ""));
    assertEquals(List.of("a/x"), candidates("a/x", "/a:/b"));
  }

  private static List<String> candidates(String name, String path) {
    return SearchPath.candidates(name.getBytes(UTF_8), path.getBytes(UTF_8)).stream()
        .map(candidate -> new String(candidate, UTF_8))
        .toList();
  }
}
