package dev.runnel.job;

import dev.runnel.model.JobId;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * Who wants to know which jobs change: one was made, or its state or its terminal's size is
 * another, or it is not known any more. Thread-safe; nothing blocks.
 */
public final class JobChanges {
  private final List<Listener> listeners = new CopyOnWriteArrayList<>();

  /** Called on any thread; neither blocks nor throws. */
  public interface Listener {
    /** A job is another than it was, or is new. */
    void changed(JobId job);

    /** A job of that principal is not known any more. */
    void forgotten(JobId job, String principal);
  }

  public void add(Listener listener) {
    listeners.add(listener);
  }

  public void remove(Listener listener) {
    listeners.remove(listener);
  }

  void changed(Job job) {
    for (Listener listener : listeners) {
      listener.changed(job.id());
    }
  }

  void forgotten(Job job) {
    for (Listener listener : listeners) {
      listener.forgotten(job.id(), job.origin().principal());
    }
  }
}
