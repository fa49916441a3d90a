package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;

/** A disk that takes what it is given only when a test says so, or throws what it is told. */
public final class StubbornDisk implements SpoolDisk {
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private volatile Predicate<FileChannel> held = _ -> true;
  private volatile Throwable thrown = new Error();
  private final AtomicInteger throwing = new AtomicInteger();
  private final AtomicInteger waiting = new AtomicInteger();

  /** From now on it does not answer. */
  public void hang() {
    hang(_ -> true);
  }

  /** From now on it does not answer for these files. */
  public void hang(Predicate<FileChannel> files) {
    held = files;
    // Who waits already goes on waiting.
    gate = gate.getCount() > 0 ? gate : new CountDownLatch(1);
  }

  /** It answers again. */
  public void answer() {
    gate.countDown();
  }

  /** It throws that, so many times. */
  public void fail(Throwable what, int times) {
    thrown = what;
    throwing.set(times);
  }

  /** How many threads wait for it now. */
  public int waiting() {
    return waiting.get();
  }

  @Override
  public void write(FileChannel file, ByteBuffer... bytes) throws IOException {
    if (held.test(file)) {
      await();
    }
    if (throwing.getAndUpdate(left -> Math.max(0, left - 1)) > 0) {
      doThrow();
    }
    PLAIN.write(file, bytes);
  }

  private void doThrow() throws IOException {
    switch (thrown) {
      case IOException e -> throw e;
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      default -> throw new IOException(thrown);
    }
  }

  private void await() throws IOException {
    waiting.incrementAndGet();
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    } finally {
      waiting.decrementAndGet();
    }
  }
}
