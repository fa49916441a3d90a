package dev.runnel.job;

import dev.runnel.model.End;
import dev.runnel.model.Role;
import dev.runnel.model.Stream;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A job's output, addressed by offset: where its one writer, the pump, and its readers meet. It has
 * no queue and never blocks: the writer is told that there is no room and, later, that there is;
 * readers come for as much as they can take. What the runner has not consumed stays, and holds the
 * writer back; below that the last {@code retain} bytes stay for whoever comes late, as long as
 * nobody needs their memory. Nothing is sent and nobody is called under its lock. PROTOCOL.md,
 * "Flow".
 */
public final class OutputLog {
  private static final LogReader[] NONE = {};

  private final LogMemory memory;
  private final long retainBytes;
  private final long aheadBytes;
  private final int largestChunkBytes;
  private final Runnable onRoom;

  // All below are guarded by this.
  private final Chunks chunks;
  private final DurableOffset disk = new DurableOffset();
  private long next;
  // The runner's last ack, also of one that left: what is below it is there for others only.
  private long pinned;
  private Vacancy vacancy = Vacancy.HOLD;
  private int nextChunkBytes = LogMemory.SMALLEST_CHUNK_BYTES;
  // The log's length when the runner took its seat: what it did not read then holds nobody back.
  private long seatedAt;
  private boolean writing;
  private boolean wantsRoom;
  private boolean unbounded;
  private boolean kept;
  private boolean forgotten;
  // Whether the memory knows that there may be something to be had from it.
  private boolean spending;
  private @Nullable LogReader runner;
  private final List<LogReader> parkedWatchers = new ArrayList<>(0);
  private @Nullable End end;

  /** What becomes of output when nobody sits in the runner's seat. */
  enum Vacancy {
    /** All from the last ack on stays, and the writer waits. */
    HOLD,
    /** The oldest goes. */
    DROP
  }

  /**
   * @param retainBytes how much it keeps, and how far the writer may be ahead of the runner
   * @param onRoom called by any thread when {@link #reserve} had no room and now would have
   */
  OutputLog(LogMemory memory, long retainBytes, Runnable onRoom) {
    this(memory, retainBytes, Long.MAX_VALUE / 2, onRoom);
  }

  /**
   * The same, with a writer that is held back earlier by a runner.
   *
   * @param aheadBytes how far the writer may be ahead of a runner that has its seat
   */
  OutputLog(LogMemory memory, long retainBytes, long aheadBytes, Runnable onRoom) {
    this.memory = memory;
    this.retainBytes = retainBytes;
    this.aheadBytes = aheadBytes;
    this.largestChunkBytes = LogMemory.largestChunkFor(retainBytes);
    this.onRoom = onRoom;
    this.chunks = new Chunks(memory);
  }

  /** The log's length: the offset of the next byte. */
  public synchronized long length() {
    return next;
  }

  /** The offset of the oldest byte that is still there. */
  synchronized long floor() {
    return start();
  }

  /** How the job ended; null: it has not. There is no output after it. */
  public synchronized @Nullable End end() {
    return end;
  }

  /**
   * Opens the reader that is waited for, in place of the one before, which holds nothing any more.
   *
   * @param onMore called by the writer's thread, once for each time that the reader found nothing
   */
  synchronized LogReader openRunner(long from, Runnable onMore) {
    LogReader opened = new LogReader(this, Role.RUNNER, from, onMore);
    runner = opened;
    pinned = Math.max(from, start());
    seatedAt = next;
    vacancy = Vacancy.HOLD;
    return opened;
  }

  /** Opens a reader that is not waited for. */
  LogReader openWatcher(long from, Runnable onMore) {
    return new LogReader(this, Role.WATCHER, from, onMore);
  }

  /** Has all from here on spooled, by the reader that is returned. */
  synchronized LogReader spoolTo(JobSpool spool, Runnable onMore) {
    LogReader opened = new LogReader(this, Role.WATCHER, next, onMore);
    disk.begin(spool, opened, next);
    return opened;
  }

  /** It is of an earlier life, and ended then: there is nothing of it in memory. */
  synchronized void restore(End how) {
    next = how.outputBytes();
    end = how;
  }

  // For the writer.

  /**
   * Room for at least a byte of the stream, to be given to {@link #commit}; or null until {@code
   * onRoom}.
   */
  @Nullable MemorySegment reserve(Stream stream) {
    synchronized (this) {
      // Asked anew, it has dropped what it had.
      writing = false;
      MemorySegment room = tryReserve(stream);
      if (room != null || roomBytes() <= 0) {
        wantsRoom = room == null;
        return room;
      }
    }
    memory.reclaim(nextChunkBytes);
    MemorySegment result;
    synchronized (this) {
      MemorySegment room = tryReserve(stream);
      if (room == null) {
        shed(Long.MAX_VALUE, 0);
        // Before the last look: what is given back meanwhile is not missed.
        memory.await(this, LogMemory.Want.ROOM, nextChunkBytes);
        room = tryReserve(stream);
      }
      wantsRoom = room == null;
      if (!wantsRoom) {
        memory.awaitNoMore(this, LogMemory.Want.ROOM);
      }
      result = room;
    }
    // What was freed and not taken is for others who wait.
    memory.tellStarved();
    return result;
  }

  /** So many bytes now stand in what {@link #reserve} gave. */
  void commit(Stream stream, int bytes) {
    Runnable more;
    LogReader[] watchers;
    synchronized (this) {
      Chunk tail = chunks.last();
      if (tail == null || !writing) {
        throw new IllegalStateException("commit without reserve");
      }
      writing = false;
      tail.append(stream, bytes);
      if (tail.free() == 0) {
        nextChunkBytes = Math.min(largestChunkBytes, LogMemory.sizeAfter(tail.capacity()));
      }
      next += bytes;
      dropOld();
      more = unparkedRunner();
      watchers = unparkedWatchers();
    }
    call(more, watchers);
    memory.tellStarved();
  }

  /** There is no more output. For the writer, which may have dropped what it reserved last. */
  void close(End how) {
    Runnable more;
    LogReader[] watchers;
    synchronized (this) {
      end = how;
      writing = false;
      wantsRoom = false;
      memory.awaitNoMore(this, LogMemory.Want.ROOM);
      more = unparkedRunner();
      watchers = unparkedWatchers();
    }
    call(more, watchers);
    memory.tellStarved();
  }

  /** From now on there is always room: what comes is bounded by what the pipes still hold. */
  synchronized void liftBound() {
    unbounded = true;
  }

  /** Frees what a quiet log has only to write on in. For the writer, between its writes. */
  void trim() {
    synchronized (this) {
      writing = false;
      Chunk tail = chunks.last();
      if (tail != null && tail.used() == 0) {
        chunks.shrinkLast();
        nextChunkBytes = LogMemory.SMALLEST_CHUNK_BYTES;
      }
    }
    memory.tellStarved();
  }

  // For the job.

  /** The runner is gone. */
  void vacate(Vacancy how) {
    synchronized (this) {
      runner = null;
      vacancy = how;
      dropOld();
      dropForgotten();
    }
    tellRoom();
  }

  /** Whether the writer waits, and for a runner that is not there. */
  synchronized boolean isStalled() {
    return runner == null && vacancy == Vacancy.HOLD && wantsRoom;
  }

  /** It has ended, and nobody sits in the seat: it stays as long as there is memory for it. */
  void keep() {
    synchronized (this) {
      runner = null;
      vacancy = Vacancy.DROP;
      dropOld();
      if (!writing) {
        chunks.shrinkLast();
      }
      if (!kept) {
        kept = true;
        chunks.loseFloor();
      }
      dropForgotten();
    }
    memory.keep(this);
    memory.tellStarved();
  }

  /** Nobody can ask for it any more; a runner that reads it may read on. */
  void forget() {
    JobSpool spool = forgetOutput();
    if (spool != null) {
      spool.delete();
    }
  }

  /**
   * The same, but what is on disk of its job stays, without its output, until what is returned has
   * run.
   */
  Runnable forgetButRecord() {
    JobSpool spool = forgetOutput();
    return spool == null ? OutputLog::keepNothing : spool.keepRecord();
  }

  private static void keepNothing() {}

  /** What it has on disk, which is the caller's to remove; null: nothing. */
  private @Nullable JobSpool forgetOutput() {
    JobSpool spool;
    LogReader[] readers;
    synchronized (this) {
      forgotten = true;
      spool = disk.forget();
      dropForgotten();
      readers = unparkedReaders();
    }
    call(readers);
    memory.forget(this);
    memory.tellStarved();
    return spool;
  }

  /**
   * Has its output on disk removed; blocks.
   *
   * @return whether there was any
   */
  boolean dropSpooled() {
    JobSpool spool;
    synchronized (this) {
      spool = disk.spool();
    }
    return spool != null && spool.dropOutput();
  }

  // For readers.

  @Nullable LentSlice lease(LogReader by, int maxBytes) {
    LentSlice lease;
    boolean room;
    synchronized (this) {
      lease = tryLease(by, maxBytes);
      room = lease == null && !by.isLoading() && takeRoomWanted();
    }
    if (room) {
      onRoom.run();
    }
    // It may have let go of what it had read last.
    memory.tellStarved();
    return lease;
  }

  private @Nullable LentSlice tryLease(LogReader by, int maxBytes) {
    long from = disk.first(by, start());
    by.moveTo(from);
    letGoLoaded(by, from);
    if (from < start()) {
      return leaseLoaded(by, from, maxBytes);
    }
    long most = disk.limit(by, next) - from;
    if (most > 0 && mayLend(by)) {
      return chunks.at(by, from).lease(by, from, (int) Math.min(maxBytes, most));
    }
    if (!by.isRunner() && !by.isParked()) {
      parkedWatchers.add(by);
    }
    by.park();
    return null;
  }

  private boolean mayLend(LogReader by) {
    if (by.isRunner() || disk.isWriter(by) || !memory.isOverdrawn()) {
      return true;
    }
    memory.await(this, LogMemory.Want.LEASE, 0);
    // After that: what was given back before it is told to nobody.
    return !memory.isOverdrawn();
  }

  private void letGoLoaded(LogReader by, long from) {
    Chunk block = by.loaded();
    if (block != null && (from < block.start() || from >= block.end())) {
      by.have(null);
      chunks.letGo(block);
    }
  }

  // It only asks for it: reading takes another thread.
  private @Nullable LentSlice leaseLoaded(LogReader by, long from, int maxBytes) {
    Chunk block = by.loaded();
    if (block != null) {
      return block.lease(by, from, maxBytes);
    }
    by.park();
    disk.load(by, from, memory.replayBytes());
    return null;
  }

  /** This was read back for it; null: it could not be. */
  void loaded(LogReader by, @Nullable Chunk block) {
    if (block != null) {
      memory.reclaim(block.capacity());
    }
    boolean more = false;
    synchronized (this) {
      by.endLoading();
      if (block == null || (!by.isGone() && take(by, block))) {
        more = by.unpark();
      }
      if (block != null && by.loaded() != block) {
        memory.free(block.memory());
      }
    }
    if (more) {
      by.onMore().run();
    }
    memory.tellStarved();
  }

  private boolean take(LogReader by, Chunk block) {
    Chunk charged = charge(by, block);
    if (charged == null) {
      memory.await(this, LogMemory.Want.BLOCK, block.capacity());
      // After that: what was given back before it is told to nobody.
      charged = charge(by, block);
    }
    if (charged == null) {
      parkedWatchers.add(by);
      return false;
    }
    charged.hold();
    by.have(charged);
    return true;
  }

  // A runner is waited for, and is not to wait for what it holds up itself. Nor is a watcher to
  // wait for ever because others' output fills the memory: a little is there for replays alone.
  private @Nullable Chunk charge(LogReader by, Chunk block) {
    int bytes = block.capacity();
    if (memory.tryCharge(bytes)) {
      return block;
    }
    if (by.isRunner()) {
      memory.charge(bytes);
      return block;
    }
    int few = Math.min(bytes, LogMemory.SMALLEST_CHUNK_BYTES);
    return memory.trySpare(few) ? block.spare(memory.allocate(few)) : null;
  }

  // For the spool.

  /** All below the offset is on the disk: it need not stay here. */
  void spooled(long offset) {
    LogReader[] readers;
    synchronized (this) {
      disk.reached(offset);
      dropOld();
      noteSpending();
      readers = unparkedReaders();
    }
    call(readers);
    tellRoom();
  }

  /** The disk takes no more for now: nobody waits for it. */
  void stopSpooling() {
    LogReader[] readers;
    synchronized (this) {
      disk.stop();
      dropOld();
      readers = unparkedReaders();
    }
    call(readers);
    tellRoom();
  }

  /** The disk does not answer: until it does, readers get what is not on it yet. */
  void waitForDiskNoMore() {
    LogReader[] readers;
    synchronized (this) {
      readers = disk.beAbsent() ? unparkedReaders() : NONE;
    }
    call(readers);
  }

  /** Whether readers wait for the disk. */
  synchronized boolean isHeldBack() {
    return disk.holdsBack();
  }

  /** The end is on the disk, too. */
  void spooledAll() {
    boolean spare;
    LogReader[] readers;
    synchronized (this) {
      disk.reachedEnd();
      spare = kept && !forgotten;
      readers = unparkedReaders();
    }
    call(readers);
    if (spare) {
      memory.keep(this);
      memory.tellStarved();
    }
  }

  /** The reader asks no more. */
  void leave(LogReader reader) {
    Runnable loading;
    synchronized (this) {
      parkedWatchers.remove(reader);
      loading = reader.leave();
      Chunk block = reader.loaded();
      if (block != null) {
        reader.have(null);
        chunks.letGo(block);
      }
    }
    if (loading != null) {
      loading.run();
    }
    memory.tellStarved();
  }

  /** The end, for a reader that has read all; null: there is more, or will be. */
  synchronized @Nullable End endFor(LogReader by) {
    boolean held = disk.holdsBackEnd() && !disk.isWriter(by);
    return by.position() == next && !held ? end : null;
  }

  /** The reader needs nothing below the offset any more. */
  void unpin(LogReader by, long offset) {
    synchronized (this) {
      if (by != runner || offset <= pinned) {
        return;
      }
      pinned = offset;
      dropOld();
      noteSpending();
    }
    tellRoom();
  }

  void release(LentSlice lease) {
    synchronized (this) {
      Chunk chunk = lease.takeChunk();
      if (chunk == null) {
        return;
      }
      chunks.giveBack(chunk, lease);
    }
    tellRoom();
  }

  // For the memory, which calls under no lock.

  /** There may be enough for it again. Says whether anybody still waited. */
  boolean retry() {
    boolean room;
    LogReader[] watchers;
    synchronized (this) {
      room = wantsRoom;
      wantsRoom = false;
      watchers = allWatchers();
    }
    if (room) {
      onRoom.run();
    }
    call(watchers);
    return room || watchers.length > 0;
  }

  /**
   * Gives up the oldest of what is there for replay only, so many bytes or a little more.
   *
   * @return whether more may be had
   */
  synchronized boolean shed(long bytes) {
    spending = shed(bytes, kept ? 0 : LogMemory.FLOOR_BYTES);
    return spending;
  }

  private void tellRoom() {
    boolean room;
    synchronized (this) {
      if (memory.isStarved()) {
        shed(LogMemory.LARGEST_CHUNK_BYTES, LogMemory.FLOOR_BYTES);
      }
      room = takeRoomWanted();
    }
    if (room) {
      onRoom.run();
    }
    memory.tellStarved();
  }

  private static void callNobody() {}

  private static void call(Runnable more, LogReader[] watchers) {
    more.run();
    call(watchers);
  }

  private static void call(LogReader[] readers) {
    for (LogReader reader : readers) {
      reader.onMore().run();
    }
  }

  // Under the lock.

  private long start() {
    Chunk first = chunks.first();
    return first == null ? next : first.start();
  }

  /** Nobody is waited for who needs what is below it. */
  private long held() {
    boolean awaited = runner != null || vacancy == Vacancy.HOLD;
    return disk.held(awaited ? pinned : next);
  }

  private long roomBytes() {
    if (unbounded) {
      return Long.MAX_VALUE;
    }
    long room = held() + retainBytes - next;
    return runner == null ? room : Math.min(room, Math.max(pinned, seatedAt) + aheadBytes - next);
  }

  private @Nullable MemorySegment tryReserve(Stream stream) {
    long room = roomBytes();
    Chunk tail = room > 0 ? tailFor(stream) : null;
    if (tail == null) {
      return null;
    }
    writing = true;
    return tail.room((int) Math.min(tail.free(), room));
  }

  private @Nullable Chunk tailFor(Stream stream) {
    Chunk tail = chunks.last();
    if (tail != null && tail.accepts(stream)) {
      return tail;
    }
    Chunk fresh = chunks.append(nextChunkBytes, next);
    if (fresh == null && unbounded) {
      fresh = chunks.force(nextChunkBytes, next);
    }
    noteSpending();
    return fresh;
  }

  // Output that has just come is for the disk first, and for others when it is there.
  private Runnable unparkedRunner() {
    LogReader parked = disk.holdsBack() ? disk.writer() : runner;
    return parked != null && parked.unpark() ? parked.onMore() : OutputLog::callNobody;
  }

  private LogReader[] unparkedWatchers() {
    return disk.holdsBack() ? NONE : allWatchers();
  }

  private LogReader[] unparkedReaders() {
    LogReader[] watchers = allWatchers();
    LogReader parked = runner;
    if (parked == null || !parked.unpark()) {
      return watchers;
    }
    LogReader[] readers = Arrays.copyOf(watchers, watchers.length + 1);
    readers[watchers.length] = parked;
    return readers;
  }

  private LogReader[] allWatchers() {
    if (parkedWatchers.isEmpty()) {
      return NONE;
    }
    LogReader[] watchers = parkedWatchers.toArray(NONE);
    parkedWatchers.clear();
    for (LogReader watcher : watchers) {
      watcher.unpark();
    }
    return watchers;
  }

  // So that the memory knows whom to ask when another needs some.
  private void noteSpending() {
    if (!spending && !kept && chunks.isBeyondFloor()) {
      spending = true;
      memory.spends(this);
    }
  }

  private void dropOld() {
    chunks.dropTo(Math.min(held(), next - retainBytes));
  }

  private boolean shed(long bytes, long leastBytes) {
    long target = Math.max(leastBytes, chunks.heldBytes() - Math.min(bytes, chunks.heldBytes()));
    while (maySpareFirst()) {
      if (chunks.heldBytes() <= target) {
        return chunks.heldBytes() > leastBytes;
      }
      chunks.dropFirst();
    }
    return false;
  }

  private boolean maySpareFirst() {
    Chunk first = chunks.first();
    return first != null && first.end() <= held() && !(writing && first == chunks.last());
  }

  private void dropForgotten() {
    if (forgotten && runner == null && end != null) {
      vacancy = Vacancy.DROP;
      shed(Long.MAX_VALUE, 0);
    }
  }

  // Not for every byte, as a writer that is woken for a few would cost more than it reads; but for
  // any if the runner has all there is: it may want more before it acknowledges any of that.
  private boolean takeRoomWanted() {
    long room = roomBytes();
    boolean awaited = runner != null && runner.isParked() && room > 0;
    if (!wantsRoom || !(awaited || room >= Math.min(retainBytes, aheadBytes) / 4)) {
      return false;
    }
    wantsRoom = false;
    return true;
  }
}
