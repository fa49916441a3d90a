package dev.runnel.security.audit;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.VertxException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes an audit on a thread of its own, many entries with one write. What can't be written is
 * kept and tried again; what is about to be done is told at once that it wasn't. Another thread
 * sees whether the disk answers: one that hangs can't tell.
 */
public final class AuditLog implements Audit, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AuditLog.class);

  /** Entries that wait, all together; the upper half is for ends, which nobody can refuse. */
  static final int MAX_WAITING = 16_384;

  private static final int MAX_BATCH = 512;
  private static final Duration RETRY = Duration.ofSeconds(1);

  /** Starts of one principal that may wait for a disk that is slow, unless it is said. */
  private static final int MAX_STARTS_EACH = 256;

  private static final Duration LOOK_INTERVAL = Duration.ofSeconds(1);

  private final AuditSink sink;
  private final Options options;
  private final LinkedBlockingQueue<Waiting> queue = new LinkedBlockingQueue<>(MAX_WAITING);
  private final AtomicLong dropped = new AtomicLong();
  private final AuditRateLimiter sample;
  private final RecentlySeen recent;
  private final Thread writer;
  private final int maxStartsEach;
  private final Patience patience;
  // Starts that wait, by their principal.
  private final ConcurrentHashMap<String, Integer> starts = new ConcurrentHashMap<>();
  private volatile boolean closing;

  // By the writer, for who watches it. Null: it waits for no disk.
  private volatile @Nullable Write writing;
  // By who watches, until the disk answers.
  private volatile boolean slow;
  private volatile boolean hanging;

  // The writer's own.
  private final List<Waiting> batch = new ArrayList<>();
  private boolean failing;

  /** Whether arguments are written, and what happens if nothing can be. */
  public record Options(Arguments arguments, OnFailure onFailure) {
    /** Of a command that is started. */
    public enum Arguments {
      DIGEST,
      WRITTEN
    }

    /** If an entry can't be written. */
    public enum OnFailure {
      REFUSE,
      GO_ON
    }
  }

  /**
   * With a disk.
   *
   * @param slow after which one principal's starts may not all wait
   * @param hangs after which nobody waits any longer
   */
  record Patience(Duration slow, Duration hangs) {
    static final Patience USUAL = new Patience(Duration.ofSeconds(1), Duration.ofSeconds(5));
  }

  /** One that waits to be written, and who waits for that. */
  private record Waiting(String line, @Nullable Start start) {
    static final Waiting WAKE = new Waiting("", null);

    boolean isWaitedFor() {
      return start != null && !start.written().future().isComplete();
    }

    Waiting untold() {
      return new Waiting(line, null);
    }
  }

  private record Start(String principal, Promise<Void> written) {}

  /** One write, which may take long. No two are the same. */
  private static final class Write {
    private final long sinceNanos = System.nanoTime();
    private final List<Waiting> entries;

    Write(List<Waiting> entries) {
      this.entries = entries;
    }
  }

  /** Begins to write; the sink is closed with it. */
  public AuditLog(AuditSink sink, Options options) {
    this(sink, options, MAX_STARTS_EACH);
  }

  /**
   * The same with another bound.
   *
   * @param maxStartsEach starts of one principal that may wait for a disk that is slow
   */
  public AuditLog(AuditSink sink, Options options, int maxStartsEach) {
    this(sink, options, maxStartsEach, Patience.USUAL, System::nanoTime);
  }

  AuditLog(
      AuditSink sink,
      Options options,
      int maxStartsEach,
      Patience patience,
      LongSupplier nanoTime) {
    this.sink = sink;
    this.options = options;
    this.maxStartsEach = maxStartsEach;
    this.patience = patience;
    this.sample = new AuditRateLimiter(nanoTime);
    this.recent = new RecentlySeen(nanoTime);
    this.writer = Thread.ofPlatform().daemon().name("runnel-audit").start(this::run);
    Thread.ofPlatform().daemon().name("runnel-audit-watch").start(this::watch);
  }

  @Override
  public Future<Void> before(Supplier<AuditEntry> made) {
    AuditEntry entry = made.get();
    Start start = new Start(String.valueOf(entry.what().getString("principal")), Promise.promise());
    int ofPrincipal = starts.merge(start.principal(), 1, Integer::sum);
    String refusal = null;
    if (hanging) {
      refusal = noAnswer();
    } else if (slow && ofPrincipal > maxStartsEach) {
      refusal = tooManyOfOne();
    } else if (closing || queue.size() >= MAX_WAITING / 2 || !offer(entry, start)) {
      refusal = "audit: entries that wait: limit: " + MAX_WAITING / 2;
    }
    if (refusal != null) {
      if (options.onFailure() == Options.OnFailure.GO_ON) {
        note(() -> entry);
      }
      give(start, VertxException.noStackTrace(refusal));
    }
    return start.written().future();
  }

  private String noAnswer() {
    return "audit: no answer from the disk in " + patience.hangs().toSeconds() + " s";
  }

  private String tooManyOfOne() {
    return "audit: starts of a principal that wait: limit: " + maxStartsEach;
  }

  @Override
  public void note(Supplier<AuditEntry> made) {
    AuditEntry entry = made.get();
    boolean room = entry.isEnd() || queue.size() < MAX_WAITING / 2;
    if (closing || !room || !offer(entry, null)) {
      dropped.incrementAndGet();
    }
  }

  @Override
  public void noteSome(String source, Supplier<AuditEntry> made) {
    if (sample.take(source)) {
      note(made);
    }
  }

  @Override
  public void noteOnce(String what, Supplier<AuditEntry> made) {
    if (recent.add(what)) {
      note(made);
    }
  }

  private boolean offer(AuditEntry entry, @Nullable Start start) {
    boolean all = options.arguments() == Options.Arguments.WRITTEN;
    return queue.offer(new Waiting(all ? entry.lineWithArguments() : entry.line(), start));
  }

  /** Whether the disk answers. */
  public boolean isAnswering() {
    return !hanging;
  }

  // Once for each, by whichever thread is first.
  private void give(Start start, Throwable why) {
    boolean first =
        options.onFailure() == Options.OnFailure.REFUSE
            ? start.written().tryFail(why)
            : start.written().tryComplete();
    left(start, first);
  }

  private void left(Start start, boolean first) {
    if (first) {
      starts.computeIfPresent(start.principal(), (_, count) -> count == 1 ? null : count - 1);
    }
  }

  // By its time: what hangs does not tell.
  private void watch() {
    while (writer.isAlive()) {
      LockSupport.parkNanos(this, LOOK_INTERVAL.toNanos());
      try {
        look(System.nanoTime());
      } catch (RuntimeException | Error e) {
        LOG.error("audit watch failed", e);
      }
    }
  }

  private void look(long now) {
    Write write = writing;
    long nanos = write == null ? 0 : now - write.sinceNanos;
    if (write == null || nanos < patience.slow().toNanos()) {
      return;
    }
    slow = true;
    boolean hangs = nanos >= patience.hangs().toNanos();
    if (hangs && !hanging) {
      hanging = true;
      LOG.error("audit hangs: the disk has not answered for {} s", patience.hangs().toSeconds());
    }
    Map<String, Integer> kept = new HashMap<>();
    Stream.concat(write.entries.stream(), queue.stream())
        .filter(Waiting::isWaitedFor)
        .map(waiting -> Objects.requireNonNull(waiting.start()))
        .forEach(start -> giveUp(start, hangs, kept));
    // After it was said that it is: it may have answered meanwhile.
    if (writing != write) {
      answered();
    }
  }

  private void giveUp(Start start, boolean hangs, Map<String, Integer> kept) {
    if (hangs) {
      give(start, new LateException(noAnswer()));
    } else if (kept.merge(start.principal(), 1, Integer::sum) > maxStartsEach) {
      give(start, new LateException(tooManyOfOne()));
    }
  }

  private void answered() {
    slow = false;
    hanging = false;
  }

  private void run() {
    try (sink) {
      while (!closing || !queue.isEmpty()) {
        goOn();
      }
      tellLeftOut(sample.settleNow());
      write();
      if (!batch.isEmpty()) {
        LOG.error("audit closed with entries unwritten count={}", batch.size());
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } catch (IOException e) {
      LOG.warn("audit not closed cause={}", e.toString());
    }
  }

  // A mistake must not cost the thread: whoever waits for it would do so for ever.
  private void goOn() throws InterruptedException {
    try {
      writeNext();
    } catch (RuntimeException | Error e) {
      LOG.error("audit failed", e);
    }
  }

  private void writeNext() throws InterruptedException {
    Waiting first = queue.poll(RETRY.toMillis(), TimeUnit.MILLISECONDS);
    if (first != null) {
      batch.add(first);
      queue.drainTo(batch, Math.max(0, MAX_BATCH - batch.size()));
      batch.removeIf(waiting -> waiting.line().isEmpty());
    }
    tellLeftOut(sample.settle());
    write();
  }

  private void tellLeftOut(long count) {
    if (count > 0) {
      batch.add(new Waiting(AuditEntry.leftOut(count).line(), null));
    }
  }

  private void write() {
    if (batch.isEmpty()) {
      return;
    }
    StringBuilder lines = new StringBuilder();
    batch.forEach(waiting -> lines.append(waiting.line()).append('\n'));
    List<Waiting> written = List.copyOf(batch);
    try {
      writeAll(lines.toString().getBytes(StandardCharsets.UTF_8), written);
      batch.clear();
      tellRecovered();
      written.forEach(this::tell);
    } catch (IOException | RuntimeException | Error e) {
      tellFailing(e);
      refuseThoseWhoWait("audit: can't be written: " + e.getMessage());
    }
  }

  private void writeAll(byte[] lines, List<Waiting> entries) throws IOException {
    writing = new Write(entries);
    try {
      sink.write(lines);
    } finally {
      writing = null;
      answered();
    }
  }

  private void tell(Waiting waiting) {
    Start start = waiting.start();
    if (start != null) {
      left(start, start.written().tryComplete());
    }
  }

  private void refuseThoseWhoWait(String why) {
    // Who was given up before was told that it will be written.
    batch.replaceAll(waiting -> waiting.isWaitedFor() ? waiting : waiting.untold());
    List<Waiting> told = batch.stream().filter(waiting -> waiting.start() != null).toList();
    if (options.onFailure() == Options.OnFailure.REFUSE) {
      batch.removeAll(told);
    } else {
      batch.replaceAll(Waiting::untold);
    }
    told.forEach(
        waiting -> give(Objects.requireNonNull(waiting.start()), VertxException.noStackTrace(why)));
    while (batch.size() > MAX_WAITING) {
      batch.removeFirst();
      dropped.incrementAndGet();
    }
  }

  private void tellFailing(Throwable e) {
    if (!failing) {
      failing = true;
      LOG.error("audit can't be written cause={}", e.toString());
    }
  }

  private void tellRecovered() {
    long lost = dropped.getAndSet(0);
    if (failing || lost > 0) {
      failing = false;
      LOG.warn("audit is written again dropped={}", lost);
    }
  }

  /** Writes what waits, and waits for that; blocks at most some seconds. */
  @Override
  public void close() {
    closing = true;
    var _ = queue.offer(Waiting.WAKE);
    try {
      if (!writer.join(Duration.ofSeconds(10))) {
        LOG.error("audit not written to its end");
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
