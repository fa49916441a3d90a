package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.Arrays;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;

/** A disk that is full when a test wants it to be. */
public final class FaultyDisk implements SpoolDisk {
  private final AtomicLong left = new AtomicLong(Long.MAX_VALUE);
  private volatile CountDownLatch gate = new CountDownLatch(0);
  private volatile int largest = Integer.MAX_VALUE;

  /** From now on it takes only so many bytes more. */
  public void fillUp(long bytes) {
    left.set(bytes);
  }

  /** From now on it has room for what takes no more than so many bytes. */
  public void refuseBeyond(int bytes) {
    largest = bytes;
  }

  /** Nothing is written until {@link #release}. */
  public void hold() {
    gate = new CountDownLatch(1);
  }

  /** What was held goes on. */
  public void release() {
    gate.countDown();
  }

  /** It takes all again. */
  public void empty() {
    left.set(Long.MAX_VALUE);
    largest = Integer.MAX_VALUE;
  }

  @Override
  public void write(FileChannel file, ByteBuffer... bytes) throws IOException {
    awaitRelease();
    if (Arrays.stream(bytes).mapToInt(ByteBuffer::remaining).sum() > largest) {
      throw new IOException("No space left on device");
    }
    for (ByteBuffer part : bytes) {
      int fits = (int) Math.min(left.get(), part.remaining());
      PLAIN.write(file, part.slice(part.position(), fits));
      left.addAndGet(-fits);
      if (fits < part.remaining()) {
        throw new IOException("No space left on device");
      }
    }
  }

  private void awaitRelease() throws IOException {
    try {
      gate.await();
    } catch (InterruptedException e) {
      throw new IOException(e);
    }
  }
}
