package dev.runnel.threads;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Threads for work that may hang. Work that takes long is set aside, with its thread, and another
 * thread goes on in its place; after the limit it has failed. What one owner, and one place of that
 * owner's, may hold at once is bounded, so that others find a thread. Threads of others may do some
 * of the work themselves: they are guests, counted in the same way.
 */
public final class HangTolerantPool {
  /** The reason that work is refused for after the close. */
  public static final String CLOSED = "closed";

  private static final int LOOKS_PER_LIMIT = 16;

  private final Terms terms;
  private final ThreadFactory factory;
  private final BiConsumer<Duration, Runnable> clock;

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition guestGone = lock.newCondition();
  // Under the lock.
  private final Map<Account, Deque<Work>> queue = new LinkedHashMap<>();
  private final List<Worker> workers = new ArrayList<>();
  private final List<Turn> guests = new ArrayList<>();
  // The one that ended its work last comes first: what it needs is still in the cache.
  private final Deque<Worker> idle = new ArrayDeque<>();
  private boolean watched;
  // Also read without it, by idle threads.
  private volatile boolean closed;

  /** What has to be done. Nothing of it is called under the lock. */
  public interface Work {
    Account account();

    /** False: nobody waits for it any more. */
    boolean isWanted();

    /** Does it; for as long as the system likes. */
    void run();

    /** It was not begun. Any thread. */
    void refused(String why);

    /** It was not begun, as nobody wants it. Any thread. */
    void dropped();

    /** It hangs, and is waited for no longer. Any thread. */
    void overdue();

    /** It threw this. */
    void failed(Throwable thrown);
  }

  /**
   * Who answers for work that hangs.
   *
   * @param place what it may hang on
   */
  public record Account(String owner, String place) {}

  /**
   * How much there may be.
   *
   * @param what the work is called in messages, in the plural
   * @param threads at work at once, in the ordinary case
   * @param aside threads more, that hang
   * @param limit after which nobody waits for work any more
   */
  public record Terms(String what, int threads, int aside, Duration limit) {
    int perOwner() {
      return threads - threads / 4;
    }

    int perPlace() {
      return threads / 2;
    }

    int all() {
      return threads + aside;
    }

    Duration patience() {
      return limit.dividedBy(10);
    }
  }

  /**
   * Makes all threads that work in the ordinary case.
   *
   * @param clock has a task run after a time
   */
  public HangTolerantPool(String name, Terms terms, BiConsumer<Duration, Runnable> clock) {
    this(terms, Thread.ofPlatform().daemon().name(name + "-", 1).factory(), clock);
  }

  HangTolerantPool(Terms terms, ThreadFactory factory, BiConsumer<Duration, Runnable> clock) {
    this.terms = terms;
    this.factory = factory;
    this.clock = clock;
  }

  /** Makes so many of its threads; the others are made when they are needed. */
  public void start(int threads) {
    lock.lock();
    try {
      for (int i = 0; i < threads; i++) {
        addWorker();
      }
    } catch (Throwable noThread) {
      closed = true;
      workers.forEach(worker -> LockSupport.unpark(worker.thread));
      throw noThread;
    } finally {
      lock.unlock();
    }
  }

  /** Returns at once. Any thread. */
  public void submit(Work work) {
    Later later = new Later();
    lock.lock();
    try {
      String refusal = refusalOf(work.account());
      if (refusal == null) {
        watch();
        take(work, later);
      } else {
        later.add(() -> work.refused(refusal));
      }
    } finally {
      lock.unlock();
    }
    later.run();
  }

  /** Does it on the calling thread, which it may hold up, unless its account holds too many. */
  public void runHere(Work work) {
    Turn guest = enter(work);
    if (guest == null) {
      submit(work);
      return;
    }
    try {
      TaskHandOver.run(work::run, work::failed);
    } finally {
      leave(guest);
    }
  }

  private @Nullable Turn enter(Work work) {
    lock.lock();
    try {
      if (closed || !mayTake(work.account(), Count.ALL)) {
        return null;
      }
      watch();
      Turn guest = new Turn();
      guest.take(work);
      guests.add(guest);
      return guest;
    } finally {
      lock.unlock();
    }
  }

  private void leave(Turn guest) {
    Later later = new Later();
    lock.lock();
    try {
      guests.remove(guest);
      guest.end();
      guestGone.signalAll();
      if (!queue.isEmpty()) {
        giveQueued(later);
      }
    } finally {
      lock.unlock();
    }
    later.run();
  }

  // All below: under the lock.

  private void take(Work work, Later later) {
    boolean first = queue.isEmpty();
    if (first && mayTake(work.account(), Count.ALL)) {
      Worker free = idle.poll();
      if (free != null) {
        free.turn.take(work);
        later.wake(free);
        return;
      }
    }
    queue.computeIfAbsent(work.account(), _ -> new ArrayDeque<>()).add(work);
    giveQueued(later);
  }

  /** Has idle threads, and new ones as far as there may be more, come for what waits. */
  private void giveQueued(Later later) {
    for (Worker free = idle.peek(); free != null; free = idle.peek()) {
      Work next = takeQueued();
      if (next == null) {
        return;
      }
      idle.pop();
      free.turn.take(next);
      later.wake(free);
    }
    int waiting = waitingThatMay();
    while (waiting > 0 && working() < terms.threads() && workers.size() < terms.all()) {
      waiting--;
      try {
        addWorker();
      } catch (Throwable noThread) {
        if (working() == 0) {
          refuseAll("no thread for it: " + noThread.getMessage(), later);
        }
        return;
      }
    }
  }

  // More than that would find nothing to do.
  private int waitingThatMay() {
    int count = 0;
    for (Map.Entry<Account, Deque<Work>> waiting : queue.entrySet()) {
      if (mayTake(waiting.getKey(), Count.ALL)) {
        count += waiting.getValue().size();
      }
    }
    return count;
  }

  /** The first of an account that may hold one thread more. */
  private @Nullable Work takeQueued() {
    for (Iterator<Map.Entry<Account, Deque<Work>>> all = queue.entrySet().iterator();
        all.hasNext(); ) {
      Map.Entry<Account, Deque<Work>> waiting = all.next();
      Account account = waiting.getKey();
      if (mayTake(account, Count.ALL)) {
        Deque<Work> works = waiting.getValue();
        Work work = works.poll();
        all.remove();
        if (!works.isEmpty()) {
          // Behind the others: each has its turn.
          queue.put(account, works);
        }
        if (work != null) {
          return work;
        }
      }
    }
    return null;
  }

  private enum Count {
    /** All that is at work. */
    ALL,
    /** What nobody waits for any more. */
    HUNG
  }

  private boolean mayTake(Account account, Count count) {
    int ofOwner = 0;
    int ofOwnerInTime = 0;
    int ofPlace = 0;
    int asideOfOthers = 0;
    int all = 0;
    for (Turn turn : (Iterable<Turn>) turns()::iterator) {
      Work work = turn.current;
      if (work == null || (count == Count.HUNG && !turn.hung)) {
        continue;
      }
      all++;
      Account other = work.account();
      if (!other.owner().equals(account.owner())) {
        asideOfOthers += turn.aside ? 1 : 0;
        continue;
      }
      ofOwner++;
      ofOwnerInTime += turn.aside ? 0 : 1;
      ofPlace += other.place().equals(account.place()) ? 1 : 0;
    }
    return all < terms.all()
        && ofPlace < terms.perPlace()
        && ofOwnerInTime < terms.perOwner()
        && ofOwner < Math.max(1, (terms.all() - asideOfOthers) / 2);
  }

  private Stream<Turn> turns() {
    return Stream.concat(workers.stream().map(worker -> worker.turn), guests.stream());
  }

  private @Nullable String refusalOf(Account account) {
    if (closed) {
      return CLOSED;
    }
    if (mayTake(account, Count.HUNG)) {
      return null;
    }
    long inPlace =
        turns().filter(turn -> turn.isHung() && account.equals(turn.accountOrNull())).count();
    if (inPlace >= terms.perPlace()) {
      return inPlace + " " + terms.what() + " at the same place hang already";
    }
    return turns().filter(Turn::isHung).count() + " " + terms.what() + " hang already";
  }

  private int working() {
    int aside = 0;
    for (Worker worker : workers) {
      aside += worker.turn.aside ? 1 : 0;
    }
    return workers.size() - aside;
  }

  private void addWorker() {
    Worker worker = new Worker();
    worker.thread.start();
    workers.add(worker);
  }

  /** A timer for as long as there is something to watch, rather than one for each task. */
  private void watch() {
    if (!watched) {
      clock.accept(terms.limit().dividedBy(LOOKS_PER_LIMIT), this::look);
      watched = true;
    }
  }

  private void look() {
    Later later = new Later();
    lock.lock();
    try {
      long now = System.nanoTime();
      workers.forEach(worker -> worker.turn.look(now, later));
      guests.forEach(guest -> guest.look(now, later));
      clearQueue(later);
      giveQueued(later);
      watched = false;
      if (!queue.isEmpty() || turns().anyMatch(Turn::isWaitedFor)) {
        // Whose clock is closed is about to be closed too.
        TaskHandOver.run(this::watch, _ -> {});
      }
    } finally {
      lock.unlock();
    }
    later.run();
  }

  private void clearQueue(Later later) {
    for (Iterator<Map.Entry<Account, Deque<Work>>> all = queue.entrySet().iterator();
        all.hasNext(); ) {
      Map.Entry<Account, Deque<Work>> waiting = all.next();
      String refusal = refusalOf(waiting.getKey());
      waiting
          .getValue()
          .removeIf(
              work -> {
                boolean over = refusal != null || !work.isWanted();
                if (over) {
                  later.add(refusal == null ? work::dropped : () -> work.refused(refusal));
                }
                return over;
              });
      if (waiting.getValue().isEmpty()) {
        all.remove();
      }
    }
  }

  private void refuseAll(String why, Later later) {
    queue.values().forEach(works -> works.forEach(work -> later.add(() -> work.refused(why))));
    queue.clear();
  }

  /**
   * Refuses what has not begun, and waits for the rest, at most so long; what is not done by then
   * is refused too. Idempotent.
   */
  public void close(Duration patience) throws InterruptedException {
    Later later = new Later();
    List<Worker> all;
    lock.lock();
    try {
      closed = true;
      refuseAll(CLOSED, later);
      all = List.copyOf(workers);
      idle.clear();
    } finally {
      lock.unlock();
    }
    later.run();
    all.forEach(worker -> LockSupport.unpark(worker.thread));
    long end = System.nanoTime() + patience.toNanos();
    for (Worker worker : all) {
      worker.thread.join(Duration.ofNanos(Math.max(1, end - System.nanoTime())));
    }
    awaitGuests(end);
  }

  private void awaitGuests(long endNanos) throws InterruptedException {
    Later later = new Later();
    lock.lock();
    try {
      long left = endNanos - System.nanoTime();
      while (!guests.isEmpty() && left > 0) {
        left = guestGone.awaitNanos(left);
      }
      turns().forEach(turn -> turn.giveUp(work -> work.refused(CLOSED), later));
    } finally {
      lock.unlock();
    }
    later.run();
  }

  /** What is to be done without the lock: threads woken, and work told what became of it. */
  private static final class Later {
    private @Nullable List<Runnable> tasks;
    private @Nullable Worker woken;

    void add(Runnable task) {
      if (tasks == null) {
        tasks = new ArrayList<>();
      }
      tasks.add(task);
    }

    void wake(Worker worker) {
      if (woken == null) {
        woken = worker;
      } else {
        add(() -> LockSupport.unpark(worker.thread));
      }
    }

    void run() {
      if (woken != null) {
        LockSupport.unpark(woken.thread);
      }
      if (tasks != null) {
        TaskHandOver.runAll(tasks.toArray(Runnable[]::new));
      }
    }
  }

  /** What a thread has to do. Its fields are under the lock. */
  private final class Turn {
    // Also read without it, by its own thread.
    private volatile @Nullable Work current;
    private long begunNanos;
    private boolean aside;
    private boolean hung;

    private void take(Work work) {
      begunNanos = System.nanoTime();
      current = work;
    }

    private void end() {
      current = null;
      aside = false;
      hung = false;
    }

    private boolean isWaitedFor() {
      return current != null && !hung;
    }

    private boolean isHung() {
      return current != null && hung;
    }

    private @Nullable Account accountOrNull() {
      Work work = current;
      return work == null ? null : work.account();
    }

    private void look(long now, Later later) {
      long nanos = now - begunNanos;
      if (current == null) {
        return;
      }
      aside |= nanos >= terms.patience().toNanos();
      if (nanos >= terms.limit().toNanos()) {
        giveUp(Work::overdue, later);
      }
    }

    private void giveUp(Consumer<Work> told, Later later) {
      Work work = current;
      if (work != null && !hung) {
        aside = true;
        hung = true;
        later.add(() -> told.accept(work));
      }
    }
  }

  /** One thread. */
  private final class Worker implements Runnable {
    private final Thread thread = factory.newThread(this);
    private final Turn turn = new Turn();

    @Override
    public void run() {
      for (Work work = next(); work != null; work = next()) {
        Work now = work;
        // A failure to tell of a failure must not cost the thread.
        TaskHandOver.run(() -> TaskHandOver.run(now::run, now::failed), _ -> {});
      }
    }

    private @Nullable Work next() {
      lock.lock();
      try {
        turn.end();
        if (closed || working() > terms.threads()) {
          // Another goes on in its place.
          workers.remove(this);
          return null;
        }
        Work queued = takeQueued();
        if (queued == null) {
          idle.push(this);
        } else {
          turn.take(queued);
        }
      } finally {
        lock.unlock();
      }
      return await();
    }

    private @Nullable Work await() {
      while (true) {
        // Read first: whoever gave a start did so before the close.
        boolean over = closed;
        Work given = turn.current;
        if (given != null || over) {
          return given;
        }
        LockSupport.park(this);
      }
    }
  }
}
