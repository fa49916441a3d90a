package dev.runnel.spool;

import dev.runnel.model.End;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Reads what an earlier life has left in one file. Of a job that had ended, heads are enough; one
 * that had not is read whole, as its last record may be broken and nobody has counted its bytes.
 * For one thread, which blocks.
 */
final class Recovery {
  private final JobFile file;
  private final Map<Stream, CRC32> sums = new EnumMap<>(Stream.class);
  private final Map<Stream, Long> counts = new EnumMap<>(Stream.class);
  private @Nullable SpooledJob job;
  private RecoveredJob.@Nullable Birth process;
  private @Nullable EndRecord end;

  /** How much of a file is looked at. */
  private enum Care {
    HEADS,
    ALL
  }

  private Recovery(JobFile file) {
    this.file = file;
    for (Stream stream : Stream.values()) {
      sums.put(stream, new CRC32());
      counts.put(stream, 0L);
    }
  }

  /** What a file is that has no job in it, as it was never finished: its job has not started. */
  static boolean isUnborn(FileChannel open) throws IOException {
    RecordReader reader = new RecordReader(open, 0);
    if (open.size() < RecordHeader.BYTES) {
      return true;
    }
    ByteBuffer bytes = ByteBuffer.allocate(RecordHeader.BYTES);
    while (bytes.hasRemaining() && open.read(bytes, bytes.position()) > 0) {
      // The head is short.
    }
    return RecordHeader.decode(bytes.flip()) != null && reader.peek() == null;
  }

  /**
   * Reads it; whatever has no end in it was lost.
   *
   * @param first of two that know of nothing in them yet
   * @param second for another look
   * @return null: its job never started, and it may go
   * @throws BadSpoolException if it is no file of ours
   */
  static @Nullable RecoveredJob read(JobFile first, JobFile second, Instant now)
      throws IOException, BadSpoolException {
    try (FileChannel open = FileChannel.open(first.path(), StandardOpenOption.READ)) {
      if (isUnborn(open)) {
        return null;
      }
      Recovery heads = new Recovery(first);
      long size = heads.scan(open, Care.HEADS);
      EndRecord told = heads.end;
      if (told != null) {
        first.restore(size, true);
        return heads.found(told);
      }
      Recovery all = new Recovery(second);
      second.restore(all.scan(open, Care.ALL), false);
      return all.found(new EndRecord(all.lost(), now));
    }
  }

  // Up to the first record that is not whole, or not what was written.
  private long scan(FileChannel open, Care care) throws IOException, BadSpoolException {
    RecordReader reader = new RecordReader(open, 0);
    for (RecordHeader head = reader.peek(); head != null && end == null; head = reader.peek()) {
      boolean output = head.kind().stream() != null;
      ByteBuffer payload = output && care == Care.HEADS ? null : reader.payload(head);
      if ((payload == null && (care == Care.ALL || !output))
          || !take(head, payload, reader.position())) {
        break;
      }
      reader.skip(head);
    }
    if (job == null) {
      throw new BadSpoolException("no job in it");
    }
    return reader.position();
  }

  private boolean take(RecordHeader head, @Nullable ByteBuffer payload, long position)
      throws BadSpoolException {
    Stream stream = head.kind().stream();
    if (stream != null) {
      return job != null && takeOutput(head, stream, payload, position);
    }
    if (payload == null || (job == null) != (head.kind() == RecordHeader.Kind.JOB)) {
      return false;
    }
    switch (head.kind()) {
      case JOB -> job = SpooledJob.decode(payload);
      case STARTED ->
          process =
              new RecoveredJob.Birth(payload.getInt(), Instant.ofEpochMilli(payload.getLong()));
      case END -> end = EndRecord.decode(payload);
      case STDOUT, STDERR -> {}
    }
    return true;
  }

  private boolean takeOutput(
      RecordHeader head, Stream stream, @Nullable ByteBuffer payload, long position) {
    if (!file.extent().mayAdd(head.offset())) {
      return false;
    }
    file.extent().add(head, position);
    if (payload != null) {
      counts.merge(stream, (long) head.length(), Long::sum);
      sums.computeIfAbsent(stream, _ -> new CRC32()).update(payload.duplicate());
    }
    return true;
  }

  private RecoveredJob found(EndRecord how) throws BadSpoolException {
    SpooledJob known = job;
    if (known == null || !how.end().job().equals(known.job())) {
      throw new BadSpoolException("another job's end in it");
    }
    return new RecoveredJob(file, known, process, how.end(), how.at());
  }

  private End lost() throws BadSpoolException {
    SpooledJob known = job;
    if (known == null) {
      throw new BadSpoolException("no job in it");
    }
    return new End(
        known.job(),
        Outcome.LOST,
        null,
        null,
        total(Stream.STDOUT),
        total(Stream.STDERR),
        file.end(),
        false,
        List.of(),
        0,
        process == null ? null : process.at(),
        null,
        null,
        false);
  }

  private StreamTotal total(Stream stream) {
    CRC32 sum = sums.get(stream);
    return new StreamTotal(counts.getOrDefault(stream, 0L), sum == null ? 0 : sum.getValue());
  }
}
