package dev.runnel.service;

import dev.runnel.job.Job;
import org.jspecify.annotations.Nullable;

/** Keeps what jobs print, for people to look at later. Any thread; nothing blocks or throws. */
public interface JobRecorder {
  /** Keeps nothing. */
  JobRecorder NONE =
      new JobRecorder() {
        @Override
        public @Nullable String nameFor(StartCommand start) {
          return null;
        }

        @Override
        public void begin(StartCommand start, String name) {}

        @Override
        public void changed(Job job) {}
      };

  /**
   * What it takes up.
   *
   * @param open recordings that are being written
   * @param bytes of all on the disk
   * @param maxBytes that they may have
   */
  record Usage(int open, long bytes, long maxBytes) {
    static final Usage NONE = new Usage(0, 0, 0);
  }

  /** What the job's recording is going to be called; null: it is not recorded. */
  @Nullable String nameFor(StartCommand start);

  /** Records all that the job prints from now on: to be called before there is a process. */
  void begin(StartCommand start, String name);

  /** The job's terminal has another size, or it has ended, or was refused its start. */
  void changed(Job job);

  /** What it takes up now. */
  default Usage usage() {
    return Usage.NONE;
  }
}
