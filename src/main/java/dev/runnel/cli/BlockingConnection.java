package dev.runnel.cli;

import dev.runnel.wire.FrameInput;
import dev.runnel.wire.Header;
import dev.runnel.wire.ProtocolException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/** A blocking connection to a server: one thread reads, any thread sends whole frames. */
final class BlockingConnection implements AutoCloseable {
  private static final long SIGNAL_PATIENCE_MILLIS = 1_000;
  private static final int DRAIN_BYTES = 8_192;

  private final Host host;
  private final Transport transport;
  private final FrameInput in;
  private final ReentrantLock sending = new ReentrantLock();

  /** Written by the thread that reads. */
  private volatile long reads;

  private volatile boolean reading;

  private volatile @Nullable String closeReason;

  BlockingConnection(Host host, Transport transport) {
    this.host = host;
    this.transport = transport;
    this.in = new FrameInput(new Counted());
  }

  /** The transport, whose every sign of life is counted. */
  private final class Counted implements ReadableByteChannel {
    private long count;

    @Override
    public int read(ByteBuffer into) throws IOException {
      reading = true;
      int read = transport.read(into);
      reading = false;
      count++;
      reads = count;
      return read;
    }

    @Override
    public boolean isOpen() {
      return transport.isOpen();
    }

    @Override
    public void close() throws IOException {
      transport.close();
    }
  }

  Host host() {
    return host;
  }

  /** Grows with each sign of life from the server. */
  long reads() {
    return reads;
  }

  /** Whether the server is waited for; not while what came from it is being dealt with. */
  boolean isReading() {
    return reading;
  }

  /** Blocks until a frame is whole; null: the server closed between two frames. */
  @Nullable Header next() throws IOException, ProtocolException {
    return in.nextHeader();
  }

  /** The body that belongs to the header read last; it stands until the next one is read. */
  ByteBuffer body() {
    return in.body();
  }

  /**
   * Whether it is open, as far as can be known without waiting. For the thread that reads, between
   * two requests; what nobody waits for any more is dropped.
   */
  boolean isOpen() {
    try {
      while (transport.isReadable()) {
        if (next() == null) {
          return false;
        }
      }
      return true;
    } catch (IOException | ProtocolException _) {
      return false;
    }
  }

  /** Blocks until all of it is with the transport. */
  void send(ByteBuffer... parts) throws IOException {
    sending.lock();
    try {
      transport.write(parts);
    } finally {
      sending.unlock();
    }
  }

  void send(byte[] frame) throws IOException {
    send(ByteBuffer.wrap(frame));
  }

  /** Sends unless another thread is stuck in the middle of a frame. */
  void trySend(byte[] frame) {
    try {
      if (sending.tryLock(SIGNAL_PATIENCE_MILLIS, TimeUnit.MILLISECONDS)) {
        try {
          transport.write(ByteBuffer.wrap(frame));
        } finally {
          sending.unlock();
        }
      }
    } catch (IOException _) {
      // The connection is gone; whoever reads it tells.
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }

  /**
   * Says that we send nothing any more. Closing at once could take back what was sent last: a
   * connection that is closed with answers unread is reset.
   */
  void endSending() {
    try {
      transport.endSending();
    } catch (IOException _) {
      // It is gone already.
    }
  }

  /** Blocks until the server has closed; what it sends before is dropped. */
  void drain() {
    ByteBuffer dropped = ByteBuffer.allocate(DRAIN_BYTES);
    try {
      while (transport.read(dropped.clear()) >= 0) {
        // Of no interest.
      }
    } catch (IOException _) {
      // That is an end as well.
    }
  }

  /** Closes it for a reason that whoever reads it can ask for. */
  void close(String reason) {
    closeReason = reason;
    close();
  }

  /** Why we closed it; null: the reason is not ours. */
  @Nullable String closeReason() {
    return closeReason;
  }

  @Override
  public void close() {
    try {
      transport.close();
    } catch (IOException _) {
      // Nothing of ours depends on it.
    }
  }
}
