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
import dev.runnel.process.NativeMemory;
import dev.runnel.process.OsProcess;
import dev.runnel.process.loop.Poller;
import dev.runnel.process.proc.ProcView;
import dev.runnel.process.spawn.Pipes;
import dev.runnel.process.sys.Fd;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Output: all of it, as it was, and no more of it than there is room for. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@Tag("also-root")
class OutputTest {
  private static final int F_GETPIPE_SZ = 1032;
  private static final int MEGABYTE = 1_000_000;

  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS);

  @AfterAll
  void closeEngine() {
    engine.close();
  }

  @Test
  void isFaithfulOnBothStreamsAtOnce(@TempDir Path folder) throws Exception {
    byte[] random = new byte[50 * MEGABYTE];
    new Random(7).nextBytes(random);
    CRC32 expected = new CRC32();
    expected.update(random);
    Path file = Files.write(folder.resolve("random"), random);
    CountingRecorder recorder =
        Runs.start(
            engine,
            Runs.shell("cat '" + file + "' & cat '" + file + "' >&2; wait"),
            new CountingRecorder());
    Runs.await("end", recorder::isOver);
    for (Stream stream : Stream.values()) {
      assertEquals(random.length, recorder.count(stream));
      assertEquals(expected.getValue(), recorder.checksum(stream));
    }
  }

  @Test
  void stopsTheProcessWhenThereIsNoRoomAndOnlyThatProcess() {
    CountingRecorder full = new CountingRecorder();
    full.setRoom(100_000);
    Runs.start(engine, Runs.shell("exec yes"), full);
    Runs.await("no room", () -> full.count(Stream.STDOUT) == 100_000);
    Runs.await("full pipe", () -> ProcView.state(full.process().pid()) == 'S');
    assertEquals("others run", Runs.output(engine, CommandSpec.of("echo", "others run")));
    assertEquals(100_000, full.count(Stream.STDOUT));

    full.setRoom(5 * MEGABYTE);
    Runs.onPump(engine, full, OsProcess::resumeOutput);
    Runs.await("more", () -> full.count(Stream.STDOUT) == 100_000 + 5 * MEGABYTE);
    Runs.clear(engine, full, Duration.ZERO);
    assertEquals(new ExitStatus.Signaled(Signal.KILL.number()), full.status());
    Runs.onPump(engine, full, OsProcess::endOutput);
  }

  @Test
  void doesNotSpinOnAPipeThatItHasNoRoomFor() {
    Recorder recorder = new Recorder();
    recorder.setRoom(1);
    // The process ends, its output stays in the pipe: epoll would report the hang-up for ever.
    Runs.start(engine, CommandSpec.of("echo", "text"), recorder);
    Runs.await("exit", () -> recorder.has("exited"));
    Runs.await("no room", () -> recorder.count(Stream.STDOUT) == 1);
    long before = pumpCpuNanos();
    long end = System.nanoTime() + Duration.ofMillis(500).toNanos();
    Runs.await("half a second", () -> System.nanoTime() > end);
    long used = pumpCpuNanos() - before;
    assertTrue(used < Duration.ofMillis(100).toNanos(), () -> "pump used ns: " + used);
    assertFalse(recorder.has("closed stdout"));

    recorder.setRoom(Long.MAX_VALUE);
    Runs.onPump(engine, recorder, OsProcess::resumeOutput);
    Runs.await("end", recorder::isOver);
    assertEquals("text\n", recorder.text(Stream.STDOUT));
  }

  private static long pumpCpuNanos() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("runnel-pump"))
        .mapToLong(thread -> threads.getThreadCpuTime(thread.threadId()))
        .sum();
  }

  @Test
  void readsNeitherStreamWhenOneHasNoRoom() {
    Recorder recorder = new Recorder();
    recorder.setRoom(0);
    Runs.start(engine, Runs.shell("echo out; echo err >&2"), recorder);
    Runs.await("exit", () -> recorder.has("exited"));
    recorder.setRoom(4);
    Runs.onPump(engine, recorder, OsProcess::resumeOutput);
    Runs.await(
        "as much as there is room for",
        () -> recorder.count(Stream.STDOUT) + recorder.count(Stream.STDERR) == 4);
    recorder.setRoom(Long.MAX_VALUE);
    Runs.onPump(engine, recorder, OsProcess::resumeOutput);
    Runs.await("end", recorder::isOver);
    assertEquals("out\n", recorder.text(Stream.STDOUT));
    assertEquals("err\n", recorder.text(Stream.STDERR));
  }

  @Test
  void readsWhatIsInThePipeBeforeItEndsTheOutput() {
    Recorder recorder = new Recorder();
    recorder.setRoom(0);
    Runs.start(engine, Runs.shell("head -c 60000 /dev/zero; exec sleep 1000"), recorder);
    Runs.await("start", () -> recorder.has("started"));
    int pid = recorder.process().pid();
    Runs.await("writing", () -> ProcView.text(pid, "cmdline").startsWith("sleep"));
    recorder.setRoom(Long.MAX_VALUE);
    Runs.onPump(
        engine,
        recorder,
        process -> {
          process.endOutput();
          // Before the return, so that the owner knows what there was.
          assertEquals(60_000, recorder.count(Stream.STDOUT));
          assertTrue(recorder.has("closed stdout") && recorder.has("closed stderr"));
        });
    Runs.clear(engine, recorder, Duration.ZERO);
  }

  @Test
  void endsTheOutputOfAProcessThatNeverStopsWriting() {
    CountingRecorder recorder = new CountingRecorder();
    Runs.start(engine, CommandSpec.of("yes"), recorder);
    Runs.await("output", () -> recorder.count(Stream.STDOUT) > 0);
    Runs.onPump(engine, recorder, OsProcess::endOutput);
    assertTrue(recorder.has("closed stdout"));
    Runs.await("its broken pipe", () -> recorder.has("exited"));
    assertEquals(new ExitStatus.Signaled(Signal.PIPE.number()), recorder.status());
  }

  @Test
  void readsIntoNowhereWhatIsDiscarded() {
    Recorder recorder = new Recorder();
    recorder.setRoom(10);
    String line = "head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; exit 5";
    Runs.start(engine, Runs.shell(line), recorder);
    Runs.await("no room", () -> recorder.count(Stream.STDOUT) == 10);
    Runs.onPump(engine, recorder, OsProcess::discardOutput);
    Runs.await("exit", () -> recorder.has("exited"));
    assertEquals(new ExitStatus.Exited(5), recorder.status());
    assertEquals(10, recorder.count(Stream.STDOUT) + recorder.count(Stream.STDERR));
    assertFalse(recorder.has("closed stdout"));
    Runs.await("let go", () -> ProcView.state(recorder.process().pid()) == ' ');
  }

  @Test
  void endsAProcessWhoseOwnerFailsAndNoOther() {
    Recorder other = Runs.startAndAwait(engine, CommandSpec.of("sleep", "1000"));
    Recorder failing =
        Runs.start(
            engine,
            CommandSpec.of("yes"),
            new Recorder() {
              @Override
              public synchronized void commit(Stream stream, int bytes) {
                throw new IllegalStateException("a fault of the owner's, thrown by a test");
              }
            });
    Runs.await("start", () -> failing.has("started"));
    int pid = failing.process().pid();
    Runs.await("its end", () -> ProcView.state(pid) == ' ');
    Runs.await("word of it", () -> failing.has("lost"));
    assertEquals(List.of("started", "exited", "lost"), failing.events());
    assertEquals(new ExitStatus.Signaled(9), failing.status());
    assertEquals("still pumping", Runs.output(engine, CommandSpec.of("echo", "still pumping")));
    assertTrue(ProcView.isAlive(other.process().pid()));
    Runs.clear(engine, other, Duration.ZERO);
  }

  @Test
  void leavesOthersTheirTurn() {
    int[] ends = Fd.pipe();
    assertTrue(Fd.fcntl(ends[1], Fd.F_SETPIPE_SZ, 1 << 20) >= 1 << 20);
    MemorySegment full = NativeMemory.allocate(1 << 20);
    assertEquals(1 << 20, Fd.write(ends[1], full));
    CountingRecorder recorder = new CountingRecorder();
    try (Poller poller = new Poller()) {
      Pipes pipes = new Pipes(Pipes.Kind.PIPES, Pipes.NONE, ends[0], Pipes.NONE, Pipes.NONE);
      OutputPipe pipe = new OutputPipe(poller, pipes, Stream.STDOUT, sink(recorder));
      pipe.watch();
      poller.poll(-1, Poller.Ready::ready);
      assertEquals(256 * 1024, recorder.count(Stream.STDOUT));
      pipe.end();
      assertEquals(1 << 20, recorder.count(Stream.STDOUT));
    }
    Fd.close(ends[1]);
    NativeMemory.free(full);
  }

  @Test
  void givesAPipeMoreRoomOnceItWasFoundFull() {
    int[] ends = Fd.pipe();
    assertEquals(0, Fd.fcntl(ends[0], Fd.F_SETFL, Fd.O_NONBLOCK));
    CountingRecorder recorder = new CountingRecorder();
    try (Poller poller = new Poller()) {
      Pipes pipes = new Pipes(Pipes.Kind.PIPES, Pipes.NONE, ends[0], Pipes.NONE, Pipes.NONE);
      OutputPipe pipe = new OutputPipe(poller, pipes, Stream.STDOUT, sink(recorder));
      pipe.watch();
      fill(ends[1], 1_000);
      poller.poll(-1, Poller.Ready::ready);
      assertEquals(64 * 1024, Fd.fcntl(ends[0], F_GETPIPE_SZ, 0));
      fill(ends[1], 64 * 1024);
      poller.poll(-1, Poller.Ready::ready);
      assertEquals(256 * 1024, Fd.fcntl(ends[0], F_GETPIPE_SZ, 0));
      assertEquals(1_000 + 64 * 1024, recorder.count(Stream.STDOUT));
      pipe.close();
    }
    Fd.close(ends[1]);
  }

  private static void fill(int fd, int bytes) {
    MemorySegment memory = NativeMemory.allocate(bytes);
    assertEquals(bytes, Fd.write(fd, memory));
    NativeMemory.free(memory);
  }

  @Test
  void missesNothingOfManySmallWrites() {
    StringBuilder expected = new StringBuilder();
    for (int i = 0; i < 20_000; i++) {
      expected.append(i).append('\n');
    }
    String loop = "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done";
    Recorder recorder = Runs.run(engine, Runs.shell(loop));
    assertArrayEquals(expected.toString().getBytes(US_ASCII), recorder.bytes(Stream.STDOUT));
  }

  private static OutputPipe.Sink sink(Recorder recorder) {
    return new OutputPipe.Sink() {
      @Override
      public @Nullable MemorySegment reserve(Stream stream) {
        return recorder.reserve(stream);
      }

      @Override
      public void commit(Stream stream, int bytes) {
        recorder.commit(stream, bytes);
      }

      @Override
      public void outputClosed(Stream stream) {
        recorder.outputClosed(stream);
      }

      @Override
      public void schedule(Duration delay, Runnable task) {
        throw new AssertionError("nothing here is small");
      }
    };
  }

  @Test
  void givesEveryProcessItsTurn() {
    CountingRecorder greedy = new CountingRecorder();
    Runs.start(engine, CommandSpec.of("cat", "/dev/zero"), greedy);
    Runs.await("output", () -> greedy.count(Stream.STDOUT) > 0);
    byte[] expected = "x".repeat(100).getBytes(US_ASCII);
    for (int i = 0; i < 20; i++) {
      Recorder recorder = Runs.run(engine, Runs.shell("printf %0100d 0 | tr 0 x"));
      assertArrayEquals(expected, recorder.bytes(Stream.STDOUT));
    }
    Runs.clear(engine, greedy, Duration.ZERO);
    Runs.onPump(engine, greedy, OsProcess::endOutput);
  }
}
