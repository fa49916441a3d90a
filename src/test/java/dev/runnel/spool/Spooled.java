package dev.runnel.spool;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.model.Caller;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobId;
import dev.runnel.model.Labels;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.model.StreamTotal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Jobs to be spooled, and what stands in their files. */
final class Spooled {
  private static final int READ_BYTES = 10_000;

  private Spooled() {}

  /** The file of a job that is called "a". */
  static JobFile file(SpoolDirectory spools, long maxBytes) throws IOException {
    return spools.create(job("a"), maxBytes);
  }

  static SpooledJob job(String id) {
    return new SpooledJob(
        new JobId(id),
        "digest",
        new Caller("somebody", "127.0.0.1", Caller.Via.TCP),
        "echo ü",
        "boot",
        Instant.ofEpochMilli(1_700_000_000_000L),
        65_536,
        Duration.ofHours(24),
        new Labels(Map.of("app", "shop", "stage", "prüfen")));
  }

  static End exited(String id, int code, long bytes) {
    return new End(
        new JobId(id),
        Outcome.EXITED,
        new ExitStatus.Exited(code),
        null,
        new StreamTotal(bytes, 1),
        new StreamTotal(0, 0),
        bytes,
        true,
        List.of(),
        0,
        Instant.ofEpochMilli(1_700_000_000_000L),
        Duration.ofMillis(5),
        null,
        false);
  }

  /** Writes so many records of either stream, from 1 byte to some thousands, and returns all. */
  static byte[] write(JobFile file, Random random, int records) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (int i = 0; i < records; i++) {
      byte[] bytes = new byte[1 + random.nextInt(1 << random.nextInt(12))];
      random.nextBytes(bytes);
      Stream stream = random.nextBoolean() ? Stream.STDOUT : Stream.STDERR;
      file.append(stream, all.size(), ByteBuffer.wrap(bytes));
      all.writeBytes(bytes);
    }
    return all.toByteArray();
  }

  /** All from there on, which must have no hole. */
  static byte[] read(JobFile file, long from) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    while (from + all.size() < file.end()) {
      long offset = from + all.size();
      assertEquals(offset, file.available(offset));
      SpoolReader replay = file.read(offset, READ_BYTES);
      if (replay == null) {
        throw new AssertionError("nothing at " + offset);
      }
      replay.runs().forEach(run -> all.writeBytes(bytes(run)));
    }
    return all.toByteArray();
  }

  /** Reads what can be read, all of which must be what was written there. */
  static void check(JobFile file, byte[] written) throws IOException {
    long offset = file.available(0);
    while (offset < file.end()) {
      SpoolReader replay = file.read(offset, READ_BYTES);
      if (replay != null) {
        long at = replay.offset();
        for (SpoolReader.Run run : replay.runs()) {
          byte[] bytes = bytes(run);
          assertEquals(
              0,
              Arrays.compare(written, (int) at, (int) at + bytes.length, bytes, 0, bytes.length));
          at += bytes.length;
        }
        offset = at;
      }
      offset = file.available(offset);
    }
  }

  private static byte[] bytes(SpoolReader.Run run) {
    byte[] bytes = new byte[run.bytes().remaining()];
    run.bytes().duplicate().get(bytes);
    return bytes;
  }
}
