package dev.runnel.process.engine;

import static org.junit.jupiter.api.Assertions.fail;

import dev.runnel.model.Argument;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.CommandSpec.Stderr;
import dev.runnel.model.CommandSpec.Stdin;
import dev.runnel.model.JobId;
import dev.runnel.model.Stream;
import dev.runnel.process.OsProcess;
import dev.runnel.process.OsProcess.Survivors;
import dev.runnel.process.ProcessEngine;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What the tests of this room do again and again: start, wait, ask. */
public final class Runs {
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final AtomicInteger JOBS = new AtomicInteger();

  private Runs() {}

  static JobId nextJob() {
    return new JobId("job-" + JOBS.incrementAndGet());
  }

  public static CommandSpec shell(String line) {
    return CommandSpec.of("/bin/sh", "-c", line);
  }

  static CommandSpec in(String cwd, String... argv) {
    CommandSpec plain = CommandSpec.of(argv);
    return new CommandSpec(plain.argv(), cwd, Map.of(), Stderr.SEPARATE, Stdin.NULL);
  }

  // In class files the record's constructor has lost the annotation within its parameter's type.
  @SuppressWarnings("NullAway")
  static CommandSpec with(Map<String, @Nullable String> env, String... argv) {
    CommandSpec plain = CommandSpec.of(argv);
    return new CommandSpec(plain.argv(), null, env, Stderr.SEPARATE, Stdin.NULL);
  }

  static CommandSpec shellWithInput(String line) {
    return new CommandSpec(
        CommandSpec.shellArgv(Argument.of(line)), null, Map.of(), Stderr.SEPARATE, Stdin.PIPE);
  }

  static Recorder start(ProcessEngine engine, CommandSpec command) {
    return start(engine, command, new Recorder());
  }

  static <R extends Recorder> R start(ProcessEngine engine, CommandSpec command, R recorder) {
    engine.start(nextJob(), command, () -> true, recorder);
    return recorder;
  }

  /** Starts it and waits for the end of the process and of its output. */
  public static Recorder run(ProcessEngine engine, CommandSpec command) {
    Recorder recorder = start(engine, command);
    await("end of " + command.display(), recorder::isOver);
    return recorder;
  }

  public static Recorder startAndAwait(ProcessEngine engine, CommandSpec command) {
    Recorder recorder = start(engine, command);
    await("start of " + command.display(), () -> recorder.has("started"));
    return recorder;
  }

  /** Asks again until it holds; how long that may take says nothing about how long it takes. */
  public static void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - deadline > 0) {
        fail("not within " + PATIENCE + ": " + what);
      }
      LockSupport.parkNanos(1_000_000);
    }
  }

  /** What it printed, without the last newline. */
  static String output(ProcessEngine engine, CommandSpec command) {
    return run(engine, command).text(Stream.STDOUT).stripTrailing();
  }

  /** Does something with the process on the pump, and waits until it is done. */
  public static void onPump(ProcessEngine engine, Recorder recorder, Consumer<OsProcess> action) {
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    engine.execute(
        () -> {
          try {
            action.accept(recorder.process());
            done.complete(true);
          } catch (RuntimeException e) {
            done.completeExceptionally(e);
          }
        });
    get(done);
  }

  static Survivors survivors(ProcessEngine engine, Recorder recorder) {
    CompletableFuture<Survivors> answer = new CompletableFuture<>();
    engine.execute(() -> recorder.process().survivors(answer::complete));
    return get(answer);
  }

  static Survivors clear(ProcessEngine engine, Recorder recorder, Duration grace) {
    CompletableFuture<Survivors> answer = new CompletableFuture<>();
    engine.execute(() -> recorder.process().clear(grace, answer::complete));
    return get(answer);
  }

  public static <T> T get(CompletableFuture<T> future) {
    try {
      return future.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
