package dev.runnel.process.engine;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.proc.ProcView;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** What a process reads from its stdin, and when it learns that there is no more. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class InputTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void comesBackAsItWasSent() {
    byte[] random = new byte[10_000_000];
    new Random(11).nextBytes(random);
    Recorder recorder = new Recorder();
    for (int i = 0; i < random.length; i += 65_536) {
      recorder.offer(Arrays.copyOfRange(random, i, Math.min(random.length, i + 65_536)));
    }
    Runs.start(engine, Runs.shellWithInput("exec cat"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.await("all of it written", () -> recorder.inputTakenBytes() == random.length);
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(0), recorder.status());
    assertArrayEquals(random, recorder.bytes(Stream.STDOUT));
    assertFalse(recorder.has("inputBroken"));
  }

  @Test
  void waitsForAReaderThatTakesItsTime() {
    Recorder recorder = new Recorder();
    recorder.offer(new byte[1_000_000]);
    Runs.start(engine, Runs.shellWithInput("kill -STOP $$; wc -c"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    int pid = recorder.process().pid();
    Runs.await("stop", () -> ProcView.state(pid) == 'T');
    Runs.onPump(engine, recorder, OsProcess::feed);
    assertTrue(recorder.inputTakenBytes() < 1_000_000);
    Runs.onPump(engine, recorder, p -> p.signal(Signal.CONT));
    Runs.await("all of it written", () -> recorder.inputTakenBytes() == 1_000_000);
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals("1000000\n", recorder.text(Stream.STDOUT));
  }

  @Test
  void staysOpenUntilItIsClosed() {
    Recorder recorder = new Recorder();
    recorder.offer("first\n".getBytes(US_ASCII));
    Runs.start(engine, Runs.shellWithInput("exec cat"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.await("first line", () -> recorder.text(Stream.STDOUT).equals("first\n"));
    recorder.offer("second\n".getBytes(US_ASCII));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.await("second line", () -> recorder.text(Stream.STDOUT).equals("first\nsecond\n"));
    assertFalse(recorder.has("exited"));
    Runs.onPump(
        engine,
        recorder,
        process -> {
          process.closeInput();
          process.closeInput();
          process.feed();
        });
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(0), recorder.status());
  }

  @Test
  void isBrokenWhenTheProcessClosesItAlthoughNothingIsToBeWritten() {
    Recorder recorder = Runs.start(engine, Runs.shellWithInput("exec <&-; sleep 1000; exit 4"));
    Runs.await("broken input", () -> recorder.has("inputBroken"));
    assertFalse(recorder.has("exited"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.clear(engine, recorder, Duration.ZERO);
    assertEquals(1, recorder.events().stream().filter("inputBroken"::equals).count());
  }

  @Test
  void breaksWhileItIsWrittenAndTheProcessGoesOn() {
    Recorder recorder = new Recorder();
    recorder.offer(new byte[5_000_000]);
    Runs.start(
        engine, Runs.shellWithInput("head -c 10 >/dev/null; exec <&-; echo on; exit 4"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.await("end", recorder::isOver);
    Runs.await("broken input", () -> recorder.has("inputBroken"));
    assertEquals("on\n", recorder.text(Stream.STDOUT));
    assertEquals(new ExitStatus.Exited(4), recorder.status());
    assertTrue(recorder.inputTakenBytes() < 5_000_000);
  }

  @Test
  void isNothingWithoutAPipe() {
    Recorder recorder = Runs.startAndAwait(engine, CommandSpec.of("cat"));
    Runs.onPump(engine, recorder, OsProcess::feed);
    Runs.onPump(engine, recorder, OsProcess::closeInput);
    Runs.await("end", recorder::isOver);
    assertEquals(new ExitStatus.Exited(0), recorder.status());
  }
}
