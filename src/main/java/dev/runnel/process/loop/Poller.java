package dev.runnel.process.loop;

import dev.runnel.process.sys.Epoll;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Who waits for which descriptor. The pump's own.
 *
 * <p>The kernel is given a slot and its generation, never a descriptor: an event may arrive after
 * its watch ended, and the number may be another file's by then. A watch must end before its
 * descriptor is closed: another spawn's child may hold a copy for a moment, and with it the entry
 * in the epoll set, which then reports for ever what nobody can remove.
 */
public final class Poller implements AutoCloseable {
  private static final int BATCH = 128;

  private final int epoll = Epoll.create();
  private final MemorySegment events = Epoll.allocateEvents(BATCH);
  private final List<@Nullable Watch> slots = new ArrayList<>();
  private final Deque<Integer> free = new ArrayDeque<>();
  private int generation;

  /** What to do when there is something to do. */
  @FunctionalInterface
  public interface Ready {
    /**
     * Level-triggered: called again as long as it holds.
     *
     * @param events as in epoll_ctl(2)
     */
    void ready(int events);
  }

  /** A descriptor that is waited for. */
  public final class Watch {
    private final int fd;
    private final int slot;
    private final long data;
    private final Ready ready;
    private int interest;
    private boolean ended;

    private Watch(int fd, int interest, Ready ready) {
      this.fd = fd;
      this.interest = interest;
      this.ready = ready;
      Integer reused = free.poll();
      this.slot = reused == null ? slots.size() : reused;
      this.data = (long) generation++ << 32 | slot;
    }

    /** Errors and hang-ups are reported whatever the interest. */
    public void interest(int events) {
      if (events != interest) {
        Epoll.modify(epoll, fd, events, data);
        interest = events;
      }
    }

    /** Nothing is reported afterwards, not even what has been fetched already. Idempotent. */
    public void end() {
      if (!ended) {
        ended = true;
        slots.set(slot, null);
        free.push(slot);
        Epoll.remove(epoll, fd);
      }
    }
  }

  /**
   * @throws LibcException if the kernel has no room for it
   */
  public Watch watch(int fd, int interest, Ready ready) {
    Watch watch = new Watch(fd, interest, ready);
    if (watch.slot == slots.size()) {
      slots.add(null);
    }
    try {
      Epoll.add(epoll, fd, interest, watch.data);
    } catch (LibcException e) {
      free.push(watch.slot);
      throw e;
    }
    slots.set(watch.slot, watch);
    return watch;
  }

  /**
   * Waits, at most so long (-1: no limit), and gives each event to its watch through the runner.
   */
  public void poll(long timeoutNanos, Runner runner) {
    int count = Epoll.await(epoll, events, timeoutNanos);
    for (int i = 0; i < count; i++) {
      long data = Epoll.data(events, i);
      Watch watch = slots.get((int) data);
      if (watch != null && watch.data == data) {
        runner.run(watch.ready, Epoll.events(events, i));
      }
    }
  }

  /** Runs one, and survives its exceptions. */
  @FunctionalInterface
  public interface Runner {
    void run(Ready ready, int events);
  }

  @Override
  public void close() {
    Fd.close(epoll);
    Libc.free(events);
  }
}
