package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** Shells that are told to hang up at the worst moment. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class HangUpTest {
  private static final Terminal TERMINAL = new Terminal(new TerminalSize(24, 80), "xterm");

  /** Of these, a few hear of it between their prompt and their read. */
  private static final int SHELLS = 100;

  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  /** Ends the process as soon as it has printed a word. */
  private static final class Hasty extends Recorder {
    private final String word;
    private boolean cleared;

    Hasty(String word) {
      this.word = word;
    }

    @Override
    Set<Stream> streams() {
      return EnumSet.of(Stream.STDOUT);
    }

    @Override
    public synchronized void commit(Stream stream, int bytes) {
      super.commit(stream, bytes);
      if (!cleared && text(stream).contains(word)) {
        cleared = true;
        process().clear(Duration.ofMinutes(1), _ -> {});
      }
    }
  }

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void isHeardByAShellThatHasJustPrintedItsPrompt() {
    List<Hasty> shells = new ArrayList<>();
    for (int i = 0; i < SHELLS; i++) {
      shells.add(start(CommandSpec.of("bash", "--norc", "-i"), "ready> "));
    }
    for (Hasty shell : shells) {
      Runs.await("end", shell::isOver);
      assertEquals(new ExitStatus.Signaled(Signal.HUP.number()), shell.status());
    }
  }

  @Test
  void isFollowedByASignalThatInterruptsAReadAndMeansNothing() {
    String line =
        "trap '' TERM; trap 'trap \"exit 5\" WINCH' HUP; echo ready; while :; do sleep 0.1; done";
    Hasty recorder = start(Runs.shell(line), "ready");
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(5), recorder.status());
  }

  private Hasty start(CommandSpec plain, String word) {
    Map<String, @Nullable String> prompt = Map.of("PS1", "ready> ");
    CommandSpec command =
        new CommandSpec(plain.argv(), null, prompt, Stderr.MERGED, Stdin.PIPE)
            .withTerminal(TERMINAL);
    return Runs.start(engine, command, new Hasty(word));
  }
}
