package dev.runnel.threads;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.threads.HangTolerantPool.Account;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;

/** Work that hangs, threads that can't be made, and whatever is thrown. */
class HangTolerantPoolTest {
  private static final Duration LIMIT = Duration.ofMillis(200);
  private static final Account ONE = new Account("one", "here");
  private static final Account OTHER = new Account("other", "there");

  private final CountDownLatch hanging = new CountDownLatch(1);
  private final AtomicBoolean exhausted = new AtomicBoolean();
  private final Queue<Runnable> looks = new ArrayDeque<>();
  private final ThreadFactory factory =
      task -> {
        if (exhausted.get()) {
          throw new OutOfMemoryError("unable to create native thread");
        }
        return Thread.ofPlatform().daemon().unstarted(task);
      };
  private final HangTolerantPool crew =
      new HangTolerantPool(
          new HangTolerantPool.Terms("tasks", 4, 8, LIMIT), factory, (_, look) -> later(look));

  private synchronized void later(Runnable look) {
    looks.add(look);
  }

  /** As the clock does, sooner or later. */
  private void look() {
    List<Runnable> due;
    synchronized (this) {
      due = List.copyOf(looks);
      looks.clear();
    }
    due.forEach(Runnable::run);
  }

  private void until(String what, BooleanSupplier condition) {
    long end = System.nanoTime() + Duration.ofSeconds(30).toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() - end > 0) {
        Assertions.fail(what);
      }
      look();
      LockSupport.parkNanos(1_000_000);
    }
  }

  private static final class Task implements HangTolerantPool.Work {
    private final Account account;
    private final Runnable run;
    private final List<String> told = Collections.synchronizedList(new ArrayList<>());
    private volatile boolean wanted = true;

    private Task(Account account, Runnable run) {
      this.account = account;
      this.run = run;
    }

    boolean is(String what) {
      return told.contains(what);
    }

    @Override
    public Account account() {
      return account;
    }

    @Override
    public boolean isWanted() {
      return wanted;
    }

    @Override
    public void run() {
      told.add("run");
      run.run();
      told.add("done");
    }

    @Override
    public void refused(String why) {
      told.add(why);
    }

    @Override
    public void dropped() {
      told.add("dropped");
    }

    @Override
    public void overdue() {
      told.add("overdue");
    }

    @Override
    public void failed(Throwable thrown) {
      told.add("failed " + thrown.getMessage());
    }
  }

  private Task submit(Account account, Runnable run) {
    Task task = new Task(account, run);
    crew.submit(task);
    return task;
  }

  private Task hang(Account account) {
    return submit(account, this::awaitRelease);
  }

  private void awaitRelease() {
    try {
      hanging.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @AfterEach
  void close() throws InterruptedException {
    hanging.countDown();
    crew.close(Duration.ofSeconds(30));
  }

  @Test
  void whatHangsIsOverdueAndHoldsUpNoOther() {
    crew.start(4);
    List<Task> hung = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      hung.add(hang(ONE));
    }
    Task other = submit(OTHER, () -> {});
    until("another's", () -> other.is("done"));
    Task elsewhere = submit(new Account("one", "elsewhere"), () -> {});
    until("the same owner's elsewhere", () -> elsewhere.is("done"));
    until("all told", () -> hung.stream().allMatch(t -> t.is("overdue") || isRefused(t)));
    assertEquals(2, hung.stream().filter(task -> task.is("overdue")).count());
    assertTrue(isRefused(hang(ONE)));
    hanging.countDown();
    until("again", () -> submit(ONE, () -> {}).is("run"));
  }

  private static boolean isRefused(Task task) {
    return task.is("2 tasks at the same place hang already");
  }

  @Test
  void oneOwnerHoldsAtMostHalfOfWhatIsFreeHoweverManyPlacesThereAre() {
    crew.start(4);
    List<Task> hung = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      hung.add(hang(new Account("one", "place " + i)));
    }
    until("half", () -> hung.stream().filter(task -> task.is("overdue")).count() == 6);
    until(
        "the rest",
        () -> hung.stream().allMatch(t -> t.is("overdue") || t.is("6 tasks hang already")));
    Task other = submit(OTHER, () -> {});
    until("another's", () -> other.is("done"));
  }

  @Test
  void whatNobodyWantsAnyMoreIsDroppedWhileItWaits() {
    crew.start(4);
    hang(ONE);
    hang(ONE);
    Task waiting = hang(ONE);
    waiting.wanted = false;
    until("dropped", () -> waiting.is("dropped"));
    assertFalse(waiting.is("run"));
  }

  @Test
  void whateverIsThrownIsToldAndCostsNoThread() {
    crew.start(1);
    exhausted.set(true);
    List<Throwable> all =
        List.of(
            new IllegalStateException("x"), new OutOfMemoryError("x"), new StackOverflowError("x"));
    for (Throwable thrown : all) {
      Task task =
          submit(
              ONE,
              () -> {
                if (thrown instanceof Error error) {
                  throw error;
                }
                throw new IllegalStateException("x");
              });
      until("told", () -> task.is("failed x"));
    }
  }

  @Test
  void withoutAnyThreadItIsRefused() {
    exhausted.set(true);
    assertTrue(submit(ONE, () -> {}).is("no thread for it: unable to create native thread"));
    exhausted.set(false);
    Task later = submit(ONE, () -> {});
    until("later", () -> later.is("done"));
  }

  @Test
  void threadsThatExistDoTheWorkWhereNoMoreCanBeMade() {
    crew.start(1);
    exhausted.set(true);
    List<Task> tasks = new ArrayList<>();
    for (int i = 0; i < 20; i++) {
      tasks.add(submit(ONE, () -> {}));
    }
    until("all", () -> tasks.stream().allMatch(task -> task.is("done")));
  }

  @Test
  void whatCannotHaveItsThreadsDoesNotStart() {
    exhausted.set(true);
    assertThrows(OutOfMemoryError.class, () -> crew.start(2));
    assertThrows(OutOfMemoryError.class, () -> PrestartedPools.pool(2, factory));
  }

  @Test
  void threadsOfAPoolExistFromTheStart() {
    ThreadPoolExecutor pool = PrestartedPools.pool(3, factory);
    assertEquals(3, pool.getPoolSize());
    pool.shutdown();
  }

  @Test
  void aHandOverIsAnsweredOnceWhoeverThrows() {
    List<String> told = new ArrayList<>();
    TaskHandOver.to(
        _ -> {
          throw new OutOfMemoryError("no thread");
        },
        () -> told.add("run"),
        thrown -> told.add(String.valueOf(thrown.getMessage())));
    TaskHandOver.to(
        Runnable::run,
        () -> {
          throw new StackOverflowError("deep");
        },
        thrown -> told.add(String.valueOf(thrown.getMessage())));
    TaskHandOver.to(
        task -> {
          task.run();
          throw new RejectedExecutionException("too late");
        },
        () -> told.add("run"),
        thrown -> told.add(String.valueOf(thrown.getMessage())));
    assertEquals(List.of("no thread", "deep", "run"), told);
  }

  @Test
  void allAreRunWhateverSomeThrow() {
    List<String> run = new ArrayList<>();
    Error first =
        assertThrows(
            StackOverflowError.class,
            () ->
                TaskHandOver.runAll(
                    () -> run.add("a"),
                    () -> {
                      throw new StackOverflowError("b");
                    },
                    () -> {
                      throw new IllegalStateException("c");
                    },
                    () -> run.add("d")));
    assertEquals(List.of("a", "d"), run);
    assertEquals(1, first.getSuppressed().length);
  }
}
