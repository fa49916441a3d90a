package dev.runnel.server;

import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What the connections of a node handed to the transport that it has not taken. The more that is,
 * and the more of it is a connection's principal's or its source's, the less it may hand over ahead
 * of time. Any thread.
 */
public final class OutboundBytes {
  private static final int PART_OF_HEAP = 4;

  /** What a connection may be handed however much the others were: it has to get on. */
  private static final int MIN_BYTES = 8 * 1024;

  private static final Logger LOG = LoggerFactory.getLogger(OutboundBytes.class);

  /** Who has many connections given up is not to fill the log, too. */
  private static final long QUIET_NANOS = Duration.ofMinutes(1).toNanos();

  private final InboundBytes memory;
  private final LongAdder output = new LongAdder();
  private final LongAdder answers = new LongAdder();

  // Guarded by this.
  private int givenUp;
  private long told = System.nanoTime() - QUIET_NANOS;

  /**
   * @param limitBytes when so much is unsent, connections are given up
   */
  public OutboundBytes(long limitBytes) {
    this.memory = new InboundBytes(limitBytes);
  }

  /** As much as suits the heap that this JVM may have. */
  public static OutboundBytes ofHeap() {
    return new OutboundBytes(InboundBytes.ofHeap(PART_OF_HEAP).limitBytes());
  }

  public long limitBytes() {
    return memory.limitBytes();
  }

  /** Bytes of output frames. */
  public long outputBytes() {
    return output.sum();
  }

  /** Bytes of all other frames, and of those that are being made. */
  public long answerBytes() {
    return answers.sum();
  }

  /** A connection was given up because others need what its peer does not take. */
  synchronized void gaveUp(PeerIdentity peer) {
    givenUp++;
    long now = System.nanoTime();
    if (now - told >= QUIET_NANOS) {
      told = now;
      LOG.warn(
          "connections closed whose peers do not read count={} last={} principal={}",
          givenUp,
          peer.source(),
          peer.principal());
    }
  }

  /** One connection's part. On its event loop. */
  final class Account {
    private final PeerIdentity peer;
    private final Runnable giveUp;
    private final InboundBytes.Hold hold;
    private long unsentOutput;
    private long unreadAnswers;
    private long inTheMaking;

    /**
     * @param peer whom it serves
     * @param giveUp called, perhaps more than once and on any thread, when others need the memory:
     *     the connection has to be closed, but not by this call
     */
    Account(PeerIdentity peer, Runnable giveUp) {
      this.peer = peer;
      this.giveUp = giveUp;
      this.hold = memory.new Hold(giveUp);
    }

    boolean isEmpty() {
      return unsentOutput + unreadAnswers + inTheMaking == 0;
    }

    /** Bytes of output that were handed over and not taken. */
    long unsentOutput() {
      return unsentOutput;
    }

    /** Bytes of all other frames that were handed over and not taken. */
    long unreadAnswers() {
      return unreadAnswers;
    }

    /**
     * How much of a kind may be under way, where by itself the connection might have that much: a
     * quarter of what is left, so that those that come later find some, too.
     */
    int allowance(int most) {
      long left = memory.leftTo(peer.principal(), peer.source());
      return (int) Math.min(most, Math.max(MIN_BYTES, left / 4));
    }

    /** So many bytes of output more are under way, or less. */
    void addOutput(long bytes) {
      unsentOutput += bytes;
      output.add(bytes);
      changed(bytes);
    }

    /** So many bytes of answers more are unread, or less. */
    void addAnswers(long bytes) {
      unreadAnswers += bytes;
      answers.add(bytes);
      changed(bytes);
    }

    /** An answer that is not handed over yet has grown by so much, or shrunk. */
    void addInTheMaking(long bytes) {
      inTheMaking += bytes;
      answers.add(bytes);
      changed(bytes);
    }

    private void changed(long bytes) {
      if (bytes < 0) {
        hold.renew();
      }
      if (!hold.set(peer.principal(), peer.source(), unsentOutput + unreadAnswers + inTheMaking)) {
        giveUp.run();
      }
    }
  }
}
