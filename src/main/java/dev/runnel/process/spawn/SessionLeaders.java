package dev.runnel.process.spawn;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.runnel.process.proc.ProcStat;
import dev.runnel.process.sys.CString;
import dev.runnel.process.sys.Errno;
import dev.runnel.process.sys.Fd;
import dev.runnel.process.sys.Libc;
import dev.runnel.process.sys.LibcException;
import dev.runnel.process.sys.Pid;
import dev.runnel.process.sys.StartDescriptors;
import dev.runnel.process.tree.Watchdog;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The commands that run, in memory that the {@link Watchdog} has, too. It knows processes by their
 * marks; a command that emptied its environment, as {@code env -i PROGRAM} does, is found here. Any
 * thread.
 *
 * <p>What is here is true at every moment, as this process may be killed at any: a place is taken
 * by one write of eight bytes, after all else in it, and given up by another.
 */
@SuppressWarnings("restricted")
public final class SessionLeaders {
  /** There were more commands than places. */
  static final int NONE = -1;

  private static final int PLACES = 1 << 14;
  private static final int PLACE_BYTES = 2 * Long.BYTES;
  private static final int BYTES = PLACES * PLACE_BYTES;

  /** Linux gives no numbers beyond. */
  private static final int PID_BITS = 22;

  private static final long FREE = 0;
  private static final byte[] NAME = "runnel-leaders".getBytes(US_ASCII);
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_NOEXEC_SEAL = 8;
  private static final int PROT_READ_WRITE = 3;
  private static final int MAP_SHARED = 1;

  private static final MemorySegment MEMFD_CREATE = Libc.symbol("memfd_create");
  private static final MemorySegment FTRUNCATE = Libc.symbol("ftruncate");
  private static final MemorySegment MMAP = Libc.symbol("mmap");

  private final int descriptor;

  /** Never unmapped: a thread that makes a process may still write there at the end. */
  private final MemorySegment places;

  private final BitSet taken = new BitSet(PLACES);

  /**
   * A command.
   *
   * @param seenTicks a time at which it was there, as in {@link ProcStat}: if a process has its
   *     number and began no later, it is this one
   */
  public record Leader(int pid, long seenTicks, long tag) {}

  private SessionLeaders(int descriptor, MemorySegment places) {
    this.descriptor = descriptor;
    this.places = places;
  }

  /**
   * @throws LibcException if the kernel has no room
   */
  public static SessionLeaders open() {
    try (Arena arena = Arena.ofConfined();
        StartDescriptors descriptors = new StartDescriptors()) {
      int fd = descriptors.add("memfd_create", create(CString.of(NAME, arena).address()));
      LibcException.check("ftruncate", Libc.callInt(FTRUNCATE, fd, BYTES, 0));
      long address = Libc.callLong(MMAP, 0, BYTES, PROT_READ_WRITE, MAP_SHARED, fd, 0);
      if (address < 0) {
        throw new LibcException("mmap", (int) -address);
      }
      descriptors.release(fd);
      return new SessionLeaders(fd, MemorySegment.ofAddress(address).reinterpret(BYTES));
    }
  }

  private static int create(long name) {
    // A system may allow nothing else; before Linux 6.3 there was no such flag.
    int fd = Libc.callInt(MEMFD_CREATE, name, MFD_CLOEXEC | MFD_NOEXEC_SEAL, 0);
    return fd == -Errno.EINVAL ? Libc.callInt(MEMFD_CREATE, name, MFD_CLOEXEC, 0) : fd;
  }

  /** Of the memory; this one's to close. */
  public int descriptor() {
    return descriptor;
  }

  /** While it is a child of ours that is not reaped; its place, or {@link #NONE}. */
  int add(int pid, long tag) {
    int place = take();
    if (place != NONE) {
      set(place, 1, tag);
      VarHandle.releaseFence();
      set(place, 0, Pid.ticksSinceBoot() << PID_BITS | pid);
    }
    return place;
  }

  private synchronized int take() {
    int place = taken.nextClearBit(0);
    if (place == PLACES) {
      return NONE;
    }
    taken.set(place);
    return place;
  }

  void remove(int place) {
    set(place, 0, FREE);
    synchronized (this) {
      taken.clear(place);
    }
  }

  private void set(int place, int index, long value) {
    places.setAtIndex(JAVA_LONG, 2L * place + index, value);
  }

  public void close() {
    Fd.close(descriptor);
  }

  /** Those in that memory, or none if it can't be read. */
  public static List<Leader> read(int descriptor) {
    List<Leader> leaders = new ArrayList<>();
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(BYTES, Long.BYTES);
      int count = Math.max(0, Fd.pread(descriptor, memory, 0)) / PLACE_BYTES;
      for (int place = 0; place < count; place++) {
        long when = memory.getAtIndex(JAVA_LONG, 2L * place);
        if (when != FREE) {
          int pid = (int) (when & (1 << PID_BITS) - 1);
          long tag = memory.getAtIndex(JAVA_LONG, 2L * place + 1);
          leaders.add(new Leader(pid, when >>> PID_BITS, tag));
        }
      }
    }
    return leaders;
  }
}
