package dev.runnel.process.loop;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.process.ProcessEngine;
import dev.runnel.process.engine.NativeEngine;
import dev.runnel.process.engine.Runs;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Tasks and timers of the one thread. */
class ProcessLoopTest {
  private final NativeEngine engine = NativeEngine.open(NativeEngine.Ownership.GUEST);

  @AfterEach
  void closeEngine() {
    engine.close();
  }

  @Test
  void runsTasksInTheOrderGivenOnOneThread() {
    List<String> ran = Collections.synchronizedList(new ArrayList<>());
    List<String> expected = new ArrayList<>();
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    for (int i = 0; i < 5_000; i++) {
      String name = "task " + i;
      expected.add(name + " on runnel-pump");
      engine.execute(() -> ran.add(name + " on " + Thread.currentThread().getName()));
    }
    engine.execute(() -> done.complete(true));
    Runs.get(done);
    assertEquals(expected, ran);
  }

  @Test
  void missesNoTaskWhoeverGivesIt() throws InterruptedException {
    AtomicInteger ran = new AtomicInteger();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      threads.add(
          Thread.ofPlatform()
              .start(
                  () -> {
                    for (int j = 0; j < 20_000; j++) {
                      int before = ran.get();
                      engine.execute(ran::incrementAndGet);
                      // Now and then the pump gets to sleep in between.
                      if (j % 100 == 0) {
                        Runs.await("task", () -> ran.get() > before);
                      }
                    }
                  }));
    }
    for (Thread thread : threads) {
      thread.join();
    }
    Runs.await("all tasks", () -> ran.get() == 80_000);
  }

  @Test
  void runsTimersWhenTheyAreDueAndEqualOnesInTheOrderGiven() {
    List<Integer> ran = Collections.synchronizedList(new ArrayList<>());
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    long begin = engine.nanoTime();
    engine.execute(
        () -> {
          engine.schedule(Duration.ofMillis(60), () -> done.complete(true));
          engine.schedule(Duration.ofMillis(30), () -> ran.add(3));
          engine.schedule(Duration.ofMillis(10), () -> ran.add(2));
          engine.schedule(Duration.ZERO, () -> ran.add(1));
          engine.schedule(Duration.ofMillis(20), () -> ran.add(-1)).cancel();
          engine.schedule(Duration.ofDays(1_000_000), () -> ran.add(-2));
        });
    Runs.get(done);
    assertTrue(engine.nanoTime() - begin >= Duration.ofMillis(60).toNanos());
    assertEquals(List.of(1, 2, 3), ran);
  }

  @Test
  void cancelsATimerThatAnotherThreadSet() {
    AtomicInteger ran = new AtomicInteger();
    ProcessEngine.Timer timer = engine.schedule(Duration.ofMillis(50), ran::incrementAndGet);
    CompletableFuture<Boolean> later = new CompletableFuture<>();
    engine.execute(timer::cancel);
    engine.schedule(Duration.ofMillis(60), () -> later.complete(true));
    Runs.get(later);
    assertEquals(0, ran.get());
  }

  @Test
  void outlivesATaskThatFails() {
    engine.execute(
        () -> {
          throw new IllegalStateException("thrown by a test");
        });
    CompletableFuture<Boolean> done = new CompletableFuture<>();
    engine.execute(() -> done.complete(true));
    assertTrue(Runs.get(done));
  }

  @Test
  @Timeout(30)
  void runsOrRejectsWhatItIsGivenAtItsEnd() throws InterruptedException {
    for (int round = 0; round < 20; round++) {
      AtomicInteger taken = new AtomicInteger();
      AtomicInteger run = new AtomicInteger();
      List<Thread> givers = new ArrayList<>();
      try (NativeEngine closing = NativeEngine.open(NativeEngine.Ownership.OWN_PROCESS)) {
        for (int i = 0; i < 3; i++) {
          givers.add(
              Thread.ofPlatform()
                  .start(
                      () -> {
                        try {
                          while (true) {
                            closing.execute(run::incrementAndGet);
                            taken.incrementAndGet();
                          }
                        } catch (RejectedExecutionException _) {
                          // It is closed.
                        }
                      }));
        }
      }
      for (Thread giver : givers) {
        giver.join();
      }
      assertEquals(taken.get(), run.get());
    }
  }

  @Test
  @Timeout(30)
  void takesNothingOnceItIsClosed() {
    engine.close();
    engine.close();
    assertThrows(RejectedExecutionException.class, () -> engine.execute(() -> {}));
  }

  @Test
  void refusesToBeClosedFromWithin() {
    CompletableFuture<Boolean> refused = new CompletableFuture<>();
    engine.execute(
        () -> {
          assertThrows(IllegalStateException.class, engine::close);
          refused.complete(true);
        });
    assertTrue(Runs.get(refused));
  }

  @Test
  void keepsTimersInOrderWhateverIsCanceled() {
    Random random = new Random(5);
    Timers timers = new Timers();
    List<long[]> expected = new ArrayList<>();
    List<long[]> ran = new ArrayList<>();
    for (int i = 0; i < 5_000; i++) {
      long[] timer = {random.nextInt(500), i};
      Timers.Entry entry = new Timers.Entry(timer[0], () -> ran.add(timer));
      timers.add(entry);
      if (random.nextInt(3) == 0) {
        timers.remove(entry);
        timers.remove(entry);
      } else {
        expected.add(timer);
      }
    }
    expected.sort((a, b) -> a[0] != b[0] ? Long.compare(a[0], b[0]) : Long.compare(a[1], b[1]));
    for (Runnable task = timers.takeDue(499); task != null; task = timers.takeDue(499)) {
      task.run();
    }
    assertTrue(timers.isEmpty());
    assertEquals(expected, ran);
  }
}
