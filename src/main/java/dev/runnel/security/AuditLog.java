package dev.runnel.security;

import io.vertx.core.Future;
import io.vertx.core.Promise;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Writes an audit on a thread of its own, many entries with one write. What can't be written is
 * kept and tried again; what is about to be done is told at once that it wasn't.
 */
public final class AuditLog implements Audit, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(AuditLog.class);

  /** Entries that wait, all together; the upper half is for ends, which nobody can refuse. */
  static final int MAX_WAITING = 16_384;

  private static final int MAX_BATCH = 512;
  private static final Duration RETRY = Duration.ofSeconds(1);

  private final AuditSink sink;
  private final Options options;
  private final LinkedBlockingQueue<Waiting> queue = new LinkedBlockingQueue<>(MAX_WAITING);
  private final AtomicLong dropped = new AtomicLong();
  private final Sample sample;
  private final Thread writer;
  private volatile boolean closing;

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

  private record Waiting(String line, @Nullable Promise<Void> written) {
    static final Waiting WAKE = new Waiting("", null);

    Waiting untold() {
      return new Waiting(line, null);
    }
  }

  /** Begins to write; the sink is closed with it. */
  public AuditLog(AuditSink sink, Options options) {
    this(sink, options, System::nanoTime);
  }

  AuditLog(AuditSink sink, Options options, LongSupplier nanoTime) {
    this.sink = sink;
    this.options = options;
    this.sample = new Sample(nanoTime);
    this.writer = Thread.ofPlatform().daemon().name("runnel-audit").start(this::run);
  }

  @Override
  public Future<Void> before(Supplier<AuditEntry> made) {
    AuditEntry entry = made.get();
    Promise<Void> written = Promise.promise();
    if (closing || queue.size() >= MAX_WAITING / 2 || !offer(entry, written)) {
      give(written, "audit: entries that wait: limit: " + MAX_WAITING / 2);
    }
    return written.future();
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

  private boolean offer(AuditEntry entry, @Nullable Promise<Void> written) {
    boolean all = options.arguments() == Options.Arguments.WRITTEN;
    return queue.offer(new Waiting(all ? entry.lineWithArguments() : entry.line(), written));
  }

  private void give(Promise<Void> written, String why) {
    if (options.onFailure() == Options.OnFailure.REFUSE) {
      written.tryFail(why);
    } else {
      written.tryComplete();
    }
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
    try {
      sink.write(lines.toString().getBytes(StandardCharsets.UTF_8));
      List<Waiting> written = List.copyOf(batch);
      batch.clear();
      tellRecovered();
      written.forEach(AuditLog::tell);
    } catch (IOException | RuntimeException | Error e) {
      tellFailing(e);
      refuseThoseWhoWait("audit: can't be written: " + e.getMessage());
    }
  }

  private static void tell(Waiting waiting) {
    if (waiting.written() != null) {
      waiting.written().tryComplete();
    }
  }

  private void refuseThoseWhoWait(String why) {
    List<Waiting> told = batch.stream().filter(waiting -> waiting.written() != null).toList();
    if (options.onFailure() == Options.OnFailure.REFUSE) {
      batch.removeAll(told);
    } else {
      batch.replaceAll(Waiting::untold);
    }
    told.forEach(waiting -> give(Objects.requireNonNull(waiting.written()), why));
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
