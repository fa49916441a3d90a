package dev.runnel.job;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.JobId;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Who wants to know which jobs change: one was made, or its state or its terminal's size is
 * another, or it is not known any more. Few may, and all of them together keep few changes in mind,
 * as each change is told to each of them by the thread that makes it. Thread-safe; nothing blocks.
 */
public final class JobChanges {
  /** Listeners at once, and those of one principal. */
  private static final int MAX_LISTENERS = 256;

  private static final int MAX_OF_PRINCIPAL = MAX_LISTENERS / 4;

  /** Changes that all listeners together have not taken yet. */
  private static final int MAX_KEPT = 65_536;

  private final List<Listener> listeners = new CopyOnWriteArrayList<>();
  private final AtomicInteger kept = new AtomicInteger();

  /** Called on any thread; does not block. */
  public interface Listener {
    /** For whom it listens. */
    String listensFor();

    /** A job of that principal is another than it was, is new, or is not known any more. */
    void changed(JobId job, String principal);

    /** It was not told something. */
    void missed();
  }

  /**
   * Adds one, until it is removed.
   *
   * @throws RejectedException if there are too many, of its principal or of all
   */
  public synchronized void add(Listener listener) throws RejectedException {
    String principal = listener.listensFor();
    long own = listeners.stream().filter(one -> one.listensFor().equals(principal)).count();
    if (own >= MAX_OF_PRINCIPAL || listeners.size() >= MAX_LISTENERS) {
      throw new RejectedException(
          ErrorCode.BUSY,
          "jobs that are watched: limit: "
              + (own >= MAX_OF_PRINCIPAL
                  ? MAX_OF_PRINCIPAL + " lists of a principal"
                  : MAX_LISTENERS + " lists"));
    }
    listeners.add(listener);
  }

  public void remove(Listener listener) {
    listeners.remove(listener);
  }

  /** Takes room for one more change; whether there was any. */
  public boolean keep() {
    if (kept.incrementAndGet() <= MAX_KEPT) {
      return true;
    }
    kept.decrementAndGet();
    return false;
  }

  /** Gives back the room of so many changes. */
  public void release(int changes) {
    kept.addAndGet(-changes);
  }

  void changed(Job job) {
    for (Listener listener : listeners) {
      try {
        listener.changed(job.id(), job.origin().principal());
      } catch (RuntimeException | Error e) {
        // It must not cost the job.
        listener.missed();
      }
    }
  }
}
