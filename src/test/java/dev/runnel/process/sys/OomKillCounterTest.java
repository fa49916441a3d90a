package dev.runnel.process.sys;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.ControlGroup;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Signal;
import dev.runnel.process.EngineLimits;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.process.engine.Recorder;
import dev.runnel.process.engine.Runs;
import dev.runnel.process.proc.EnvironmentTag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deaths for want of memory, as far as the kernel counts them. */
@SuppressWarnings("NullAway.Init") // The folder is there before any test.
@Tag("also-root")
class OomKillCounterTest {
  private static final String EVENTS =
      "low 0\nhigh 0\nmax 31\noom 7\noom_kill %d\noom_group_kill 2\n";
  private static final String CONTROL = "oom_kill_disable 0\nunder_oom 0\noom_kill %d\n";
  private static final long LIMIT_BYTES = 32L << 20;

  @TempDir private Path folder;

  private OomKillCounter kills(String text) throws IOException {
    return OomKillCounter.of(Files.writeString(folder.resolve("file"), text));
  }

  @Test
  void bothVersionsOfTheFileAreUnderstood() throws Exception {
    for (String text : new String[] {EVENTS, CONTROL}) {
      OomKillCounter kills = kills(text.formatted(3));
      assertEquals(3, kills.count());
      Files.writeString(folder.resolve("file"), text.formatted(12));
      assertEquals(12, kills.count());
      kills.close();
    }
    assertEquals(OomKillCounter.UNKNOWN, kills("low 0\n").count());
    assertEquals(OomKillCounter.UNKNOWN, OomKillCounter.of(folder.resolve("none")).count());
    assertFalse(OomKillCounter.of(folder.resolve("none")).claim(OomKillCounter.UNKNOWN));
  }

  @Test
  void eachKillIsGivenToOneProcessThatWasThere() throws Exception {
    OomKillCounter kills = kills(EVENTS.formatted(4));
    assertFalse(kills.claim(4), "nothing was counted");
    Files.writeString(folder.resolve("file"), EVENTS.formatted(6));
    assertFalse(kills.claim(6), "it was made after both");
    assertTrue(kills.claim(4));
    assertTrue(kills.claim(4));
    assertFalse(kills.claim(4), "a third");
    kills.close();
  }

  @Test
  void aPersonsKillIsNone() throws Exception {
    OomKillCounter kills = kills(EVENTS.formatted(4));
    try (NativeEngine engine = open(kills)) {
      Recorder recorder = Runs.run(engine, Runs.shell("kill -KILL $$"));
      assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), recorder.status());
      assertFalse(recorder.has("killedForMemory"));

      Recorder ours = Runs.startAndAwait(engine, Runs.shell("exec sleep 1000"));
      Files.writeString(folder.resolve("file"), EVENTS.formatted(5));
      Runs.onPump(engine, ours, process -> process.signal(Signal.KILL));
      Runs.await("end", ours::isOver);
      assertFalse(ours.has("killedForMemory"));
    }
  }

  @Tag("root")
  @Test
  void aKillOfTheKernelsIsTold() throws Exception {
    try (ControlGroup group =
            ControlGroup.ofMemory(LIMIT_BYTES, "OomKillCounterTest.aKillOfTheKernelsIsTold");
        NativeEngine engine = open(OomKillCounter.of(group.counter()))) {
      Recorder recorder = Runs.run(engine, Runs.shell(group.enter() + " && exec tail /dev/zero"));
      assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), recorder.status());
      assertTrue(recorder.has("killedForMemory"), recorder.events().toString());
    }
  }

  private static NativeEngine open(OomKillCounter kills) {
    return NativeEngine.open(
        NativeEngine.Ownership.GUEST,
        new EnvironmentTag("memory-kills"),
        EngineLimits.DEFAULT,
        kills);
  }
}
