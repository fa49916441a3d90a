package dev.runnel.spool;

import dev.runnel.model.Caller;
import dev.runnel.model.JobId;
import dev.runnel.model.Labels;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What is written down of a job before it starts: enough to tell of it in another life of the
 * server, and nothing of its environment.
 *
 * @param onceDigest by which the same intended execution is known again; null: it had no name
 * @param command for people, at most 256 characters
 * @param boot the life of the server that it ran in
 * @param keep how long it is to be remembered after its end; null: as long as others
 * @param labels by which it is found in lists
 */
public record SpooledJob(
    JobId job,
    @Nullable String onceDigest,
    Caller caller,
    String command,
    String boot,
    Instant createdAt,
    long retainBytes,
    @Nullable Duration keep,
    Labels labels) {
  /** Without labels. */
  private static final int FIRST_VERSION = 1;

  private static final int VERSION = 2;
  private static final long NONE = -1;

  byte[] encode() {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      // A server of before labels reads all jobs that have none.
      out.writeByte(labels.isEmpty() ? FIRST_VERSION : VERSION);
      out.writeUTF(job.value());
      out.writeUTF(onceDigest == null ? "" : onceDigest);
      out.writeUTF(caller.principal());
      out.writeUTF(caller.source());
      out.writeUTF(caller.via().name());
      out.writeUTF(command);
      out.writeUTF(boot);
      out.writeLong(createdAt.toEpochMilli());
      out.writeLong(retainBytes);
      out.writeLong(keep == null ? NONE : keep.toMillis());
      if (!labels.isEmpty()) {
        out.writeByte(labels.values().size());
        for (Map.Entry<String, String> label : labels.values().entrySet()) {
          out.writeUTF(label.getKey());
          out.writeUTF(label.getValue());
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /**
   * @throws BadSpoolException if these bytes are nothing that {@link #encode} makes
   */
  static SpooledJob decode(ByteBuffer bytes) throws BadSpoolException {
    byte[] copy = new byte[bytes.remaining()];
    bytes.get(copy);
    try (DataInputStream in = new DataInputStream(new ByteArrayInputStream(copy))) {
      int version = in.readByte();
      if (version < FIRST_VERSION || version > VERSION) {
        throw new BadSpoolException(
            "version: " + version + " (expected: " + FIRST_VERSION + " or " + VERSION + ")");
      }
      return decode(in, version);
    } catch (IOException | RuntimeException e) {
      throw new BadSpoolException("job record: " + e);
    }
  }

  private static SpooledJob decode(DataInputStream in, int version) throws IOException {
    JobId job = new JobId(in.readUTF());
    String once = in.readUTF();
    Caller caller = new Caller(in.readUTF(), in.readUTF(), Caller.Via.valueOf(in.readUTF()));
    String command = in.readUTF();
    String boot = in.readUTF();
    Instant created = Instant.ofEpochMilli(in.readLong());
    long retain = in.readLong();
    long keep = in.readLong();
    return new SpooledJob(
        job,
        once.isEmpty() ? null : once,
        caller,
        command,
        boot,
        created,
        retain,
        keep == NONE ? null : Duration.ofMillis(keep),
        version == FIRST_VERSION ? Labels.NONE : labels(in));
  }

  private static Labels labels(DataInputStream in) throws IOException {
    Map<String, String> labels = new HashMap<>();
    for (int left = in.readUnsignedByte(); left > 0; left--) {
      labels.put(in.readUTF(), in.readUTF());
    }
    return new Labels(labels);
  }
}
