package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalMode;
import dev.runnel.model.TerminalModes;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.ProcView;
import java.time.Duration;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What a command has of a terminal of its own. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class TerminalTest {
  private static final Terminal TERMINAL = new Terminal(new TerminalSize(33, 99), "vt220");

  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  /** A terminal has one stream. */
  private static final class TerminalRecorder extends Recorder {
    @Override
    Set<Stream> streams() {
      return EnumSet.of(Stream.STDOUT);
    }

    String text() {
      return text(Stream.STDOUT);
    }
  }

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void isTheControllingTerminalWithTheSizeAndTheNameThatWereAsked() {
    TerminalRecorder recorder =
        run(
            "tty; stty size; echo $TERM; test -t 0 -a -t 1 -a -t 2 && echo all; echo ctty >/dev/tty");
    String[] lines = recorder.text().split("\r\n", -1);
    assertTrue(lines[0].startsWith("/dev/pts/"), recorder.text());
    assertEquals("33 99", lines[1]);
    assertEquals("vt220", lines[2]);
    assertEquals("all", lines[3]);
    assertEquals("ctty", lines[4]);
    assertEquals(new ExitStatus.Exited(0), recorder.status());
  }

  @Test
  void holdsNothingButThreeDescriptors() {
    assertEquals("0\r\n1\r\n2\r\n", run("ls /proc/self/fd | grep -v 3").text());
  }

  @Test
  void beginsWithTheModesThatWereAsked() {
    Map<TerminalMode, Integer> values = new EnumMap<>(TerminalMode.class);
    values.put(TerminalMode.ERASE, 8);
    values.put(TerminalMode.INTR, 11);
    values.put(TerminalMode.QUIT, TerminalMode.NO_KEY);
    values.put(TerminalMode.IXON, 0);
    values.put(TerminalMode.TOSTOP, 1);
    values.put(TerminalMode.SPEED, 9_600);
    Terminal terminal = new Terminal(TerminalSize.DEFAULT, "vt220", new TerminalModes(values));
    TerminalRecorder recorder =
        Runs.start(
            engine,
            Runs.shell("exec </dev/tty; stty -a; stty speed").withTerminal(terminal),
            new TerminalRecorder());
    Runs.await("end", recorder::isOver);
    String all = " " + recorder.text().replace("\r\n", " ").replace(";", " ") + " ";
    for (String part :
        new String[] {
          " erase = ^H ",
          " intr = ^K ",
          " quit = <undef> ",
          " -ixon ",
          " tostop ",
          " 9600 baud ",
          " kill = ^U ",
          " icanon ",
          " echo ",
          " iutf8 ",
          " 9600 "
        }) {
      assertTrue(all.contains(part), part + " in " + all);
    }
  }

  @Test
  void beginsWithTheModesOfANewOne() {
    TerminalRecorder plain = run("stty -g");
    Map<TerminalMode, Integer> usual = new EnumMap<>(TerminalMode.class);
    for (TerminalMode mode : TerminalMode.values()) {
      usual.put(mode, mode.usual());
    }
    Terminal terminal = new Terminal(TerminalSize.DEFAULT, "vt220", new TerminalModes(usual));
    TerminalRecorder recorder =
        Runs.start(
            engine, Runs.shell("stty -g </dev/tty").withTerminal(terminal), new TerminalRecorder());
    Runs.await("end", recorder::isOver);
    assertEquals(plain.text(), recorder.text());
  }

  @Test
  void letsTheEnvironmentNameAnotherTerm() {
    CommandSpec command =
        new CommandSpec(
                CommandSpec.shellArgv(Argument.of("echo $TERM")),
                null,
                Map.of("TERM", "dumb"),
                Stderr.MERGED,
                Stdin.NULL)
            .withTerminal(TERMINAL);
    TerminalRecorder recorder = Runs.start(engine, command, new TerminalRecorder());
    Runs.await("end", recorder::isOver);
    assertEquals("dumb\r\n", recorder.text());
  }

  @Test
  void readsNothingIfNothingIsToBeTyped() {
    CommandSpec command =
        Runs.shell("readlink /proc/self/fd/0; test -t 1 && echo out >/dev/tty")
            .withTerminal(TERMINAL);
    TerminalRecorder recorder = Runs.start(engine, command, new TerminalRecorder());
    Runs.await("end", recorder::isOver);
    assertEquals("/dev/null\r\nout\r\n", recorder.text());
  }

  @Test
  void losesNothingOfMuchOutput() {
    TerminalRecorder recorder = run("stty -onlcr; seq 1 200000");
    StringBuilder expected = new StringBuilder();
    for (int i = 1; i <= 200_000; i++) {
      expected.append(i).append('\n');
    }
    assertEquals(expected.length(), recorder.text().length());
    assertTrue(expected.toString().contentEquals(recorder.text()));
  }

  @Test
  void waitsWithTheProcessWhenThereIsNoRoom() {
    TerminalRecorder recorder = new TerminalRecorder();
    recorder.setRoom(1_000);
    start("stty -onlcr; seq 1 100000; echo end", recorder);
    Runs.await("full", () -> recorder.count(Stream.STDOUT) == 1_000);
    recorder.setRoom(Long.MAX_VALUE);
    Runs.onPump(engine, recorder, OsProcess::resumeOutput);
    Runs.await("end", recorder::isOver);
    assertTrue(recorder.text().endsWith("100000\nend\n"));
    assertEquals(588_899, recorder.count(Stream.STDOUT));
  }

  @Test
  void takesControlCAsAByte() {
    TerminalRecorder recorder =
        start("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 1; done");
    Runs.await("trap", () -> recorder.text().contains("ready"));
    type(recorder, "\u0003");
    Runs.await("end", recorder::isOver);
    assertEquals("ready\r\n^Ccaught\r\n", recorder.text());
    assertEquals(new ExitStatus.Exited(3), recorder.status());
  }

  @Test
  void takesControlDAsAByte() {
    TerminalRecorder recorder = start("cat; echo over");
    type(recorder, "line\n");
    Runs.await("echo", () -> recorder.text().equals("line\r\nline\r\n"));
    type(recorder, "\u0004");
    Runs.await("end", recorder::isOver);
    assertEquals("line\r\nline\r\nover\r\n", recorder.text());
  }

  @Test
  void endsInputAfterWholeAndUnfinishedLines() {
    for (String typed : new String[] {"", "whole\n", "unfinished"}) {
      TerminalRecorder recorder = start("stty -echo; echo ready; cat; echo over");
      Runs.await("stty", () -> recorder.text().contains("ready"));
      type(recorder, typed);
      Runs.onPump(engine, recorder, OsProcess::closeInput);
      Runs.await("end after " + typed, recorder::isOver);
      assertEquals("ready\r\n" + typed.replace("\n", "\r\n") + "over\r\n", recorder.text());
      assertFalse(recorder.has("inputBroken"));
    }
  }

  @Test
  void endsInputByTheCharacterThatTheCommandChose() {
    TerminalRecorder recorder = start("stty -echo eof x; echo ready; cat; echo over");
    Runs.await("stty", () -> recorder.text().contains("ready"));
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals("ready\r\nover\r\n", recorder.text());
  }

  @Test
  void erasesWholeCharacters() {
    TerminalRecorder recorder =
        start("stty -echo; echo ready; read line; echo \"$line\" | od -An -c");
    Runs.await("stty", () -> recorder.text().contains("ready"));
    type(recorder, "a\u00fc\u007fb\n");
    Runs.await("end", recorder::isOver);
    assertTrue(recorder.text().contains("a   b  \\n"), recorder.text());
  }

  @Test
  void tellsOfAnotherSize() {
    TerminalRecorder recorder =
        start("trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.1; done");
    Runs.await("trap", () -> recorder.text().contains("ready"));
    Runs.onPump(engine, recorder, p -> p.resize(new TerminalSize(50, 132)));
    Runs.await("end", recorder::isOver);
    assertEquals("ready\r\n50 132\r\n", recorder.text());
    Runs.onPump(engine, recorder, p -> p.resize(new TerminalSize(51, 133)));
  }

  @Test
  void signalsReachTheForeground() {
    // The first of the pipeline leads its group and is gone: what is left has no leader.
    TerminalRecorder recorder =
        start(
            "set -m; trap 'echo shell' USR1; true | sh -c 'trap \"echo front\" USR1; echo ready;"
                + " while :; do sleep 0.1; done'");
    Runs.await("trap", () -> recorder.text().contains("ready"));
    Runs.onPump(engine, recorder, p -> p.signal(Signal.USR1));
    Runs.await("both", () -> recorder.text().contains("front"));
    Runs.clear(engine, recorder, Duration.ZERO);
    Runs.await("end", recorder::isOver);
  }

  @Test
  void hangsUpBeforeItKills() {
    TerminalRecorder recorder =
        start(
            "trap '' TERM; trap 'echo hung up; exit 5' HUP; echo ready; while :; do sleep 0.1; done");
    Runs.await("trap", () -> recorder.text().contains("ready"));
    Runs.clear(engine, recorder, Duration.ofMinutes(1));
    Runs.await("end", recorder::isOver);
    // Before it, the shell may tell what became of its sleep.
    assertTrue(recorder.text().endsWith("hung up\r\n"), recorder.text());
    assertEquals(new ExitStatus.Exited(5), recorder.status());
  }

  @Test
  void endsAnInteractiveShellThatTakesNoNoticeOfTerm() {
    CommandSpec command =
        new CommandSpec(
                CommandSpec.of("bash", "--norc", "-i").argv(),
                null,
                Map.of("PS1", "ready> "),
                Stderr.MERGED,
                Stdin.PIPE)
            .withTerminal(TERMINAL);
    TerminalRecorder recorder = Runs.start(engine, command, new TerminalRecorder());
    Runs.await("prompt", () -> recorder.text().contains("ready> "));
    type(recorder, "sleep 1000 & sleep 1000\n");
    Runs.await("jobs", () -> recorder.text().contains("[1]"));
    assertEquals(0, Runs.clear(engine, recorder, Duration.ofMinutes(1)).total());
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Signaled(Signal.HUP.number()), recorder.status());
  }

  @Test
  void isOverWhenNobodyHasItOpenAnyMore() {
    TerminalRecorder recorder = start("exec >/dev/null 2>&1 </dev/null; exec sleep 1000");
    Runs.await("closed", () -> recorder.has("closed stdout"));
    Runs.await("no reader", () -> recorder.has("inputBroken"));
    assertFalse(recorder.has("exited"));
    Runs.clear(engine, recorder, Duration.ZERO);
    Runs.await("end", recorder::isOver);
  }

  @Test
  void keepsReadingWhatABackgroundChildWrites() {
    TerminalRecorder recorder = start("trap '' HUP; (sleep 0.3; echo late) & echo early");
    Runs.await("end", recorder::isOver);
    assertEquals("early\r\nlate\r\n", recorder.text());
  }

  @Test
  void leavesNoDescriptorBehind() {
    run("true");
    Map<String, Integer> before = ProcView.descriptors();
    for (int i = 0; i < 20; i++) {
      TerminalRecorder recorder = start(i % 2 == 0 ? "exit 1" : "read x");
      Runs.onPump(engine, recorder, OsProcess::closeInput);
      Runs.await("end", recorder::isOver);
    }
    Runs.await("descriptors", () -> ProcView.descriptors().equals(before));
  }

  private TerminalRecorder run(String line) {
    TerminalRecorder recorder = start(line);
    Runs.await("end of " + line, recorder::isOver);
    return recorder;
  }

  private TerminalRecorder start(String line) {
    return start(line, new TerminalRecorder());
  }

  private TerminalRecorder start(String line, TerminalRecorder recorder) {
    CommandSpec command = Runs.shellWithInput(line).withTerminal(TERMINAL);
    Runs.start(engine, command, recorder);
    Runs.await("start of " + line, () -> recorder.has("started") || recorder.isUnstarted());
    return recorder;
  }

  private void type(TerminalRecorder recorder, String keys) {
    if (!keys.isEmpty()) {
      recorder.offer(keys.getBytes(UTF_8));
      Runs.onPump(engine, recorder, OsProcess::feed);
    }
  }
}
