package dev.runnel.spool;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.util.concurrent.atomic.AtomicLong;

/** A disk that is full when a test wants it to be. */
public final class FaultyDisk implements Disk {
  private final AtomicLong left = new AtomicLong(Long.MAX_VALUE);

  /** From now on it takes only so many bytes more. */
  public void fillUp(long bytes) {
    left.set(bytes);
  }

  /** It takes all again. */
  public void empty() {
    left.set(Long.MAX_VALUE);
  }

  @Override
  public void write(FileChannel file, ByteBuffer... bytes) throws IOException {
    for (ByteBuffer part : bytes) {
      int fits = (int) Math.min(left.get(), part.remaining());
      PLAIN.write(file, part.slice(part.position(), fits));
      left.addAndGet(-fits);
      if (fits < part.remaining()) {
        throw new IOException("No space left on device");
      }
    }
  }
}
