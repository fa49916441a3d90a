package dev.runnel.process;

import dev.runnel.model.StartFailure;
import dev.runnel.model.StartFailure.At;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads that make processes, each made when it is needed first. One that hangs is given up
 * after the limit and not replaced; when all hang, starts are refused until one comes back. Threads
 * of others may make some themselves: they are guests, looked after in the same way.
 */
final class Spawner {
  static final int MAX_THREADS = 16;

  private static final int LOOKS_PER_LIMIT = 8;

  private final Maker maker;
  private final Pump pump;
  private final Duration limit;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition guestGone = lock.newCondition();
  // Under the lock.
  private final Queue<Start> queue = new ArrayDeque<>();
  private final List<Worker> workers = new ArrayList<>();
  private final List<Turn> guests = new ArrayList<>();
  // The one that ended its work last comes first: what it needs is still in the cache.
  private final Deque<Worker> idle = new ArrayDeque<>();
  private boolean watched;
  // Also read without it, by idle threads.
  private volatile boolean closed;

  /**
   * @param limit after which nobody waits for a start any more
   */
  Spawner(Maker maker, Pump pump, Duration limit) {
    this.maker = maker;
    this.pump = pump;
    this.limit = limit;
  }

  /** Returns at once. Any thread. */
  void submit(Start start) {
    Worker woken = null;
    lock.lock();
    try {
      if (closed) {
        refuse(start, "the process engine is closed");
      } else if (hung() == MAX_THREADS) {
        refuse(start, MAX_THREADS + " starts hang already");
      } else {
        woken = give(start);
        watch();
      }
    } finally {
      lock.unlock();
    }
    // Not under the lock, which it would have to wait for.
    if (woken != null) {
      LockSupport.unpark(woken.thread);
    }
  }

  /** Makes it on the calling thread, which it may hold up. Not on the pump. */
  void makeHere(Start start) {
    Turn guest = new Turn();
    lock.lock();
    try {
      if (closed) {
        refuse(start, "the process engine is closed");
        return;
      }
      guest.take(start);
      guests.add(guest);
      watch();
    } finally {
      lock.unlock();
    }
    maker.make(start);
    lock.lock();
    try {
      guests.remove(guest);
      guest.end();
      guestGone.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Who has to be woken for it; null: somebody will come for it. */
  private @Nullable Worker give(Start start) {
    Worker first = idle.poll();
    if (first != null) {
      first.turn.take(start);
      return first;
    }
    queue.add(start);
    if (workers.size() < MAX_THREADS) {
      addWorker();
    }
    return null;
  }

  private void refuse(Start start, String why) {
    if (start.decide()) {
      pump.execute(() -> start.listener().startRefused(why));
    }
  }

  private int hung() {
    int count = 0;
    for (Worker worker : workers) {
      count += worker.turn.hung ? 1 : 0;
    }
    return count;
  }

  private void addWorker() {
    Worker worker = new Worker(workers.size() + 1);
    try {
      worker.thread.start();
      workers.add(worker);
    } catch (OutOfMemoryError noThread) {
      if (workers.isEmpty()) {
        refuseQueued("no thread to start it on: " + noThread.getMessage());
      }
    }
  }

  /** A timer for as long as there is something to watch, rather than one for each start. */
  private void watch() {
    if (!watched) {
      watched = true;
      pump.schedule(limit.dividedBy(LOOKS_PER_LIMIT), this::look);
    }
  }

  private void look() {
    lock.lock();
    try {
      long now = System.nanoTime();
      workers.forEach(worker -> worker.turn.giveUpAfterLimit(now));
      guests.forEach(guest -> guest.giveUpAfterLimit(now));
      if (hung() == MAX_THREADS) {
        refuseQueued(MAX_THREADS + " starts hang already");
      }
      watched = false;
      if (!queue.isEmpty() || isAnyWaitedFor()) {
        watch();
      }
    } finally {
      lock.unlock();
    }
  }

  private boolean isAnyWaitedFor() {
    return guests.stream().anyMatch(Turn::isWaitedFor)
        || workers.stream().anyMatch(worker -> worker.turn.isWaitedFor());
  }

  private void refuseQueued(String why) {
    for (Start start = queue.poll(); start != null; start = queue.poll()) {
      refuse(start, why);
    }
  }

  /** Refuses what has not begun, and waits for the rest, at most so long. Not on the pump. */
  void close(Duration patience) throws InterruptedException {
    List<Worker> all;
    lock.lock();
    try {
      closed = true;
      refuseQueued("the process engine is closed");
      all = List.copyOf(workers);
      idle.clear();
    } finally {
      lock.unlock();
    }
    all.forEach(worker -> LockSupport.unpark(worker.thread));
    long end = System.nanoTime() + patience.toNanos();
    for (Worker worker : all) {
      if (!worker.thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())))) {
        giveUp(List.of(worker.turn));
      }
    }
    awaitGuests(end);
  }

  private void awaitGuests(long endNanos) throws InterruptedException {
    lock.lock();
    try {
      long left = endNanos - System.nanoTime();
      while (!guests.isEmpty() && left > 0) {
        left = guestGone.awaitNanos(left);
      }
      giveUp(guests);
    } finally {
      lock.unlock();
    }
  }

  private void giveUp(List<Turn> turns) {
    lock.lock();
    try {
      for (Turn turn : turns) {
        Start start = turn.current;
        if (start != null) {
          refuse(start, "the process engine is closed");
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** What a thread has to make. Its fields are under the lock. */
  private final class Turn {
    // Also read without it, by its own thread.
    private volatile @Nullable Start current;
    private long begunNanos;
    private boolean hung;

    private void take(Start start) {
      begunNanos = System.nanoTime();
      current = start;
    }

    private void end() {
      current = null;
      hung = false;
    }

    private boolean isWaitedFor() {
      return current != null && !hung;
    }

    private void giveUpAfterLimit(long now) {
      Start start = current;
      if (start != null && !hung && now - begunNanos >= limit.toNanos()) {
        hung = true;
        if (start.decide()) {
          String what = "exec " + Excerpt.of(start.command().argv().getFirst().toString());
          String message = what + ": no answer from the system in " + limit.toMillis() + " ms";
          StartFailure failure = new StartFailure("ETIMEDOUT", At.EXEC, message);
          pump.execute(() -> start.listener().startFailed(failure));
        }
      }
    }
  }

  /** One thread. */
  private final class Worker implements Runnable {
    private final Thread thread;
    private final Turn turn = new Turn();

    private Worker(int number) {
      thread = Thread.ofPlatform().daemon().name("runnel-spawner-" + number).unstarted(this);
    }

    @Override
    public void run() {
      for (Start start = next(); start != null; start = next()) {
        maker.make(start);
      }
    }

    private @Nullable Start next() {
      lock.lock();
      try {
        turn.end();
        Start queued = queue.poll();
        if (queued != null) {
          turn.take(queued);
        } else if (!closed) {
          idle.push(this);
        }
      } finally {
        lock.unlock();
      }
      return await();
    }

    private @Nullable Start await() {
      while (true) {
        // Read first: whoever gave a start did so before the close.
        boolean over = closed;
        Start given = turn.current;
        if (given != null || over) {
          return given;
        }
        LockSupport.park(this);
      }
    }
  }
}
