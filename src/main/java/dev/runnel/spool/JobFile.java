package dev.runnel.spool;

import dev.runnel.files.LockedDirectory;
import dev.runnel.model.End;
import dev.runnel.model.Stream;
import dev.runnel.spool.RecordHeader.Kind;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One job on disk: a file that only ever grows, of records that are whole or are not there. One
 * thread at a time writes, others may read what it has written; all of it blocks. The file is not
 * synced: it outlives the daemon, not the machine.
 */
public final class JobFile {
  static final String NAME = "spool";

  private static final Logger LOG = LoggerFactory.getLogger(JobFile.class);

  private final Path folder;
  private final SpoolDisk disk;
  private final DiskBudget usage;
  private final long maxBytes;
  private final OffsetIndex extent = new OffsetIndex();

  // Guarded by this, as another job of the same name may have it removed. Null: nothing is written
  // any more, or not yet.
  private @Nullable FileChannel channel;
  private long size;
  private String owner = "";
  private volatile boolean ended;
  private boolean failing;
  private boolean ours;
  private boolean deleted;

  /**
   * @param maxBytes how large it may become, not counting how the job ended
   */
  JobFile(Path folder, long maxBytes, SpoolDisk disk, DiskBudget usage) {
    this.folder = folder;
    this.maxBytes = maxBytes;
    this.disk = disk;
    this.usage = usage;
  }

  Path folder() {
    return folder;
  }

  OffsetIndex extent() {
    return extent;
  }

  /** The first byte at the offset or after it that can be read; at {@link #end}: there is none. */
  public long available(long offset) {
    return Math.min(extent.available(offset), Math.max(offset, extent.end()));
  }

  /** The log offset after the last byte there is. */
  public long end() {
    return extent.end();
  }

  // For the writer.

  /** Makes the file and its folder, and writes the job down. */
  synchronized void make(SpooledJob job) throws IOException {
    if (deleted) {
      throw new IOException("removed");
    }
    Files.createDirectory(folder, LockedDirectory.FOLDER_MODE);
    ours = true;
    owner = job.caller().principal();
    channel =
        FileChannel.open(
            path(),
            Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE),
            LockedDirectory.FILE_MODE);
    var _ = count(write(Kind.JOB, 0, ByteBuffer.wrap(job.encode())));
  }

  /** It is there already. */
  JobFile found() {
    ours = true;
    return this;
  }

  /**
   * It is one of an earlier life, of that size; only its end may still be written, if it has none.
   */
  synchronized void restore(long bytes, boolean hasEnd) {
    size = bytes;
    ended = hasEnd;
  }

  /** From now on it counts, as that owner's. */
  synchronized void count(String whose) {
    owner = whose;
    usage.add(owner, size);
  }

  /**
   * Writes down of which process it is.
   *
   * @return whether it could
   */
  public synchronized boolean started(int pid, Instant at) {
    ByteBuffer payload = ByteBuffer.allocate(Integer.BYTES + Long.BYTES);
    payload.putInt(pid).putLong(at.toEpochMilli()).flip();
    return count(tryWrite(Kind.STARTED, 0, payload));
  }

  /**
   * How many bytes from that offset on may be written now.
   *
   * @return 0: its limit, or that of all of them together, is reached
   */
  public synchronized int room(long offset) {
    long most = Math.min(maxBytes - size, usage.left(owner)) - RecordHeader.BYTES;
    return extent.mayAdd(offset) ? (int) Math.clamp(most, 0L, RecordHeader.MAX_OUTPUT_BYTES) : 0;
  }

  /** Whether it is the limit of all together that leaves no {@link #room}. */
  public synchronized boolean isCrowdedOut() {
    return usage.left(owner) <= RecordHeader.BYTES && maxBytes - size > RecordHeader.BYTES;
  }

  /**
   * Writes output, not more than there was {@link #room} for.
   *
   * @return whether it could; nothing of it is there if not
   */
  public synchronized boolean append(Stream stream, long offset, ByteBuffer bytes) {
    long position = size;
    long more = (long) RecordHeader.BYTES + bytes.remaining();
    // Taken before: others may be writing at the same moment, and all together have a limit.
    if (!extent.mayAdd(offset) || !usage.tryAdd(owner, more)) {
      return false;
    }
    RecordHeader head = null;
    try {
      head = tryWrite(Kind.of(stream), offset, bytes);
    } finally {
      if (head == null) {
        usage.add(owner, -more);
      }
    }
    if (head != null) {
      extent.add(head, position);
    }
    return head != null;
  }

  /** Whether its end is written: nothing follows that. Does not block. */
  public boolean isEnded() {
    return ended;
  }

  /**
   * Writes how the job ended and when, and closes the file; what was not written may be tried
   * again. Idempotent.
   *
   * @return whether it is written
   */
  public synchronized boolean end(End end, Instant at) {
    if (!ended && count(tryWrite(Kind.END, 0, EndRecord.encode(end, at)))) {
      ended = true;
      close();
    }
    return ended;
  }

  /** From now on it may be written to where an earlier life has stopped. */
  synchronized void reopen() throws IOException {
    channel = FileChannel.open(path(), StandardOpenOption.WRITE);
    boolean cut = false;
    try {
      channel.truncate(size);
      cut = true;
    } finally {
      if (!cut) {
        close();
      }
    }
  }

  /** Closes it as it is: in another life its job will be told as lost. Idempotent. */
  public synchronized void close() {
    FileChannel open = channel;
    channel = null;
    if (open != null) {
      try {
        open.close();
      } catch (IOException _) {
        // What was written is in the kernel's hands.
      }
    }
  }

  /**
   * Removes its output, of a job whose end is written: that there was such a job, and how it ended,
   * stays.
   *
   * @return whether it takes up less now
   */
  public synchronized boolean dropOutput() {
    if (!ended || deleted || extent.available(0) >= extent.end()) {
      return false;
    }
    try {
      long bytes = copyWithoutOutput();
      Files.move(rest(), path(), StandardCopyOption.ATOMIC_MOVE);
      extent.lose(0, extent.end());
      boolean less = bytes < size;
      usage.add(owner, bytes - size);
      size = bytes;
      return less;
    } catch (IOException e) {
      LOG.warn("spool not cut folder={} cause={}", folder, e.toString());
      return false;
    }
  }

  private long copyWithoutOutput() throws IOException {
    try (FileChannel all = FileChannel.open(path(), StandardOpenOption.READ);
        FileChannel rest =
            FileChannel.open(
                rest(),
                Set.of(
                    StandardOpenOption.CREATE,
                    StandardOpenOption.TRUNCATE_EXISTING,
                    StandardOpenOption.WRITE),
                LockedDirectory.FILE_MODE)) {
      RecordReader reader = new RecordReader(all, 0);
      for (RecordHeader head = reader.peek(); head != null; head = reader.peek()) {
        if (head.kind().stream() == null) {
          copy(all, reader.position(), head.recordBytes(), rest);
        }
        reader.skip(head);
      }
      return rest.size();
    }
  }

  private static void copy(FileChannel from, long position, long bytes, FileChannel to)
      throws IOException {
    for (long done = 0; done < bytes; ) {
      long more = from.transferTo(position + done, bytes - done, to);
      if (more <= 0) {
        throw new IOException("shorter than it was");
      }
      done += more;
    }
  }

  /** What is left of it, until that takes its place. */
  private Path rest() {
    return folder.resolve(NAME + ".rest");
  }

  /** Removes it with its folder. Who reads it finds nothing more. Idempotent. */
  synchronized void delete() throws IOException {
    if (deleted) {
      return;
    }
    deleted = true;
    close();
    usage.add(owner, -size);
    size = 0;
    extent.lose(0, extent.end());
    if (ours) {
      Files.deleteIfExists(path());
      Files.deleteIfExists(rest());
      Files.deleteIfExists(folder);
    }
  }

  // What is no output counts, but is not kept out.
  private boolean count(@Nullable RecordHeader written) {
    if (written != null) {
      usage.add(owner, written.recordBytes());
    }
    return written != null;
  }

  // Told once, until it can be done again: a disk may be full for long.
  private @Nullable RecordHeader tryWrite(Kind kind, long offset, ByteBuffer payload) {
    try {
      RecordHeader head = write(kind, offset, payload);
      failing = false;
      return head;
    } catch (IOException e) {
      if (!failing) {
        failing = true;
        LOG.warn("spool not written folder={} cause={}", folder, e.toString());
      }
      return null;
    }
  }

  private RecordHeader write(Kind kind, long offset, ByteBuffer payload) throws IOException {
    FileChannel open = channel;
    if (open == null) {
      throw new IOException("closed");
    }
    RecordHeader head = RecordHeader.of(kind, offset, payload);
    boolean whole = false;
    try {
      disk.write(open.position(size), head.encode(), payload.duplicate());
      whole = true;
    } finally {
      if (!whole) {
        // So that the next stands where it will be looked for.
        open.truncate(size);
      }
    }
    size += head.recordBytes();
    return head;
  }

  // For readers.

  /**
   * Reads what stands at the offset and after it, at most so many bytes. What turns out to be
   * broken is not {@link #available} any more.
   *
   * @return null: nothing could be read
   */
  public @Nullable SpoolReader read(long offset, int bytes) {
    try (FileChannel open = FileChannel.open(path(), StandardOpenOption.READ)) {
      SpoolReader replay = new SpoolReader(offset);
      RecordReader reader = new RecordReader(open, extent.placeBefore(offset));
      while (replay.bytes() < bytes && take(reader, replay, bytes)) {
        // The next.
      }
      return replay.bytes() == 0 ? null : replay;
    } catch (NoSuchFileException _) {
      extent.lose(offset, extent.end());
    } catch (IOException e) {
      LOG.warn("spool not read folder={} offset={} cause={}", folder, offset, e.toString());
      extent.lose(offset, extent.placeAfter(offset));
    }
    return null;
  }

  // Whether there may be more.
  private boolean take(RecordReader reader, SpoolReader replay, int maxBytes) throws IOException {
    if (replay.end() >= extent.end()) {
      return false;
    }
    RecordHeader head = reader.peek();
    Stream stream = head == null ? null : head.kind().stream();
    if (head != null && (stream == null || head.end() <= replay.end())) {
      reader.skip(head);
      return true;
    }
    if (head != null
        && replay.bytes() > 0
        && !(head.offset() == replay.end() && reader.isNear(head))) {
      return false;
    }
    ByteBuffer payload = head == null ? null : reader.payload(head);
    if (head == null || stream == null || payload == null) {
      if (replay.bytes() == 0) {
        extent.lose(replay.end(), head == null ? extent.placeAfter(replay.end()) : head.end());
      }
      return false;
    }
    int skipped = (int) (replay.end() - head.offset());
    if (skipped < 0) {
      extent.lose(replay.end(), head.offset());
      return false;
    }
    int length = Math.min(payload.remaining() - skipped, maxBytes - replay.bytes());
    replay.add(stream, payload.slice(skipped, length));
    reader.skip(head);
    return true;
  }

  Path path() {
    return folder.resolve(NAME);
  }
}
