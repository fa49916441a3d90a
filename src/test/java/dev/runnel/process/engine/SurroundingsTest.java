package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.Stream;
import dev.runnel.model.SystemText;
import dev.runnel.process.sys.Fd;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a command finds when it begins to run. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class SurroundingsTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void hasItsThreeDescriptorsAndNoOther() {
    // What a library opened without closing it on exec.
    int careless = Fd.openInheritable("/dev/null".getBytes(UTF_8), Fd.O_RDONLY);
    // ls has one more, for the folder it lists.
    assertEquals("0\n1\n2\n3", Runs.output(engine, CommandSpec.of("ls", "/proc/self/fd")));
    assertEquals("/dev/null", Runs.output(engine, CommandSpec.of("readlink", "/proc/self/fd/0")));
    Fd.close(careless);
  }

  @Test
  void leadsASessionOfItsOwn() {
    String pid = "$(cut -d' ' -f1 /proc/$$/stat)";
    String group = "$(cut -d' ' -f5 /proc/$$/stat)";
    String session = "$(cut -d' ' -f6 /proc/$$/stat)";
    String line = "test " + group + " = " + pid + " && test " + session + " = " + pid;
    assertEquals(new ExitStatus.Exited(0), Runs.run(engine, Runs.shell(line)).status());
  }

  @Test
  void blocksAndIgnoresNoSignal() {
    String signals =
        Runs.output(engine, CommandSpec.of("grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"));
    assertEquals("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000", signals);
  }

  @Test
  void getsItsArgumentsByteForByte() {
    byte[] everyByte = new byte[255];
    for (int i = 0; i < everyByte.length; i++) {
      everyByte[i] = (byte) (i + 1);
    }
    List<Argument> argv = new ArrayList<>();
    for (String word : List.of("printf", "%s\\n", "größe 気 \uD83D\uDE00", "")) {
      argv.add(Argument.of(word));
    }
    argv.add(Argument.of(everyByte));
    Recorder recorder =
        Runs.run(engine, new CommandSpec(argv, null, Map.of(), Stderr.SEPARATE, Stdin.NULL));
    byte[] text = "größe 気 \uD83D\uDE00\n\n".getBytes(UTF_8);
    byte[] expected = new byte[text.length + 256];
    System.arraycopy(text, 0, expected, 0, text.length);
    System.arraycopy(everyByte, 0, expected, text.length, 255);
    expected[expected.length - 1] = '\n';
    assertArrayEquals(expected, recorder.bytes(Stream.STDOUT));
  }

  @Test
  void beginsInItsDirectory(@TempDir Path folder) throws Exception {
    assertEquals(
        folder.toRealPath().toString(),
        Runs.output(engine, Runs.in(folder.toString(), "/bin/pwd", "-P")));
    assertEquals(
        Path.of("").toRealPath().toString(), Runs.output(engine, CommandSpec.of("/bin/pwd", "-P")));
  }

  @Test
  void beginsInADirectoryWhoseNameIsNoText(@TempDir Path folder) {
    byte[] name = {(byte) 0xE9, 't', (byte) 0xE9};
    String made = folder + "/" + SystemText.of(name);
    CommandSpec make = CommandSpec.of("mkdir", "x");
    List<Argument> words = List.of(make.argv().getFirst(), Argument.of(SystemText.bytes(made)));
    Runs.run(engine, make.withArgv(words));
    for (CommandSpec pwd :
        new CommandSpec[] {
          Runs.in(made, "/bin/pwd", "-P"),
          // By the child, as limits and another user have it.
          Runs.in(made, "/bin/pwd", "-P").withUser("" + currentUser()),
        }) {
      assertArrayEquals(
          SystemText.bytes(made + "\n"),
          Runs.run(engine, pwd).bytes(Stream.STDOUT),
          pwd.toString());
    }
    Recorder none = Runs.run(engine, Runs.in(made + SystemText.of(name), "true"));
    assertEquals("ENOENT cwd", none.failureText());
    String message = Objects.requireNonNull(none.failure()).message();
    assertTrue(SystemText.isText(message) && message.contains("/\uFFFDt\uFFFD"), message);
  }

  private int currentUser() {
    return Integer.parseInt(Runs.output(engine, CommandSpec.of("id", "-u")));
  }

  @Test
  void setsVariablesByteForByte() {
    Map<String, @Nullable String> overlay = new HashMap<>();
    overlay.put(
        SystemText.of(new byte[] {'N', (byte) 0xFF}), SystemText.of(new byte[] {(byte) 0xE9}));
    byte[] all = Runs.run(engine, Runs.with(overlay, "env")).bytes(Stream.STDOUT);
    assertTrue(
        new String(all, ISO_8859_1).contains("N\u00FF=\u00E9\n"), new String(all, ISO_8859_1));
  }

  @Test
  void inheritsTheEnvironmentWithWhatWasAskedForLaidOver() {
    Map<String, @Nullable String> overlay = new HashMap<>();
    overlay.put("HOME", null);
    overlay.put("NEW", "größe = 気");
    overlay.put("EMPTY", "");
    overlay.put("LANG", "overlaid");
    overlay.put("RUNNEL_MARK", "forged");
    Recorder recorder = new Recorder();
    engine.start(new JobId("a.job"), Runs.with(overlay, "env"), () -> true, recorder);
    Runs.await("end", recorder::isOver);
    List<String> lines = List.of(recorder.text(Stream.STDOUT).split("\n"));
    assertTrue(lines.contains("RUNNEL_JOB=a.job"));
    assertTrue(lines.contains("NEW=größe = 気"));
    assertTrue(lines.contains("EMPTY="));
    assertTrue(lines.contains("LANG=overlaid"));
    assertTrue(lines.contains("PATH=" + System.getenv("PATH")));
    assertFalse(lines.stream().anyMatch(line -> line.startsWith("HOME=")));
    assertEquals(2, lines.stream().filter(line -> line.startsWith("RUNNEL_")).count());
    assertTrue(lines.stream().anyMatch(line -> line.matches("RUNNEL_MARK=.*/a\\.job")));
    assertEquals(1, lines.stream().filter(line -> line.startsWith("LANG=")).count());
  }

  @Test
  void inheritsLittleOfACleanEnvironment() {
    try (NativeEngine clean =
        NativeEngine.open(NativeEngine.Ownership.GUEST, "boot", NativeEngine.Inheritance.CLEAN)) {
      Map<String, @Nullable String> overlay = new HashMap<>();
      overlay.put("OWN", "asked for");
      List<String> lines = List.of(Runs.output(clean, Runs.with(overlay, "env")).split("\n"));
      assertTrue(lines.contains("PATH=" + System.getenv("PATH")), lines::toString);
      assertTrue(lines.contains("HOME=" + System.getenv("HOME")), lines::toString);
      assertTrue(lines.contains("OWN=asked for"), lines::toString);
      String known = "(PATH|LANG|LANGUAGE|LC_.*|TZ|HOME|USER|LOGNAME|SHELL|OWN|RUNNEL_.*)=.*";
      assertTrue(lines.stream().allMatch(line -> line.matches(known)), lines::toString);
      // Or else there would be nothing to be left out.
      assertTrue(System.getenv().keySet().stream().anyMatch(name -> !(name + "=").matches(known)));
    }
  }

  @Test
  void hasOnePipeForBothStreamsWhenMerged() {
    CommandSpec separate = Runs.shell("for i in 1 2 3; do echo out; echo err >&2; done");
    CommandSpec merged =
        new CommandSpec(separate.argv(), null, Map.of(), Stderr.MERGED, Stdin.NULL);
    Recorder recorder =
        Runs.start(
            engine,
            merged,
            new Recorder() {
              @Override
              Set<Stream> streams() {
                return EnumSet.of(Stream.STDOUT);
              }
            });
    Runs.await("end", recorder::isOver);
    assertEquals("out\nerr\n".repeat(3), recorder.text(Stream.STDOUT));
    assertFalse(recorder.has("closed stderr"));
  }
}
