package dev.runnel.cluster;

import com.hazelcast.map.EntryProcessor;
import com.hazelcast.map.ExtendedMapEntry;
import com.hazelcast.nio.ObjectDataInput;
import com.hazelcast.nio.ObjectDataOutput;
import com.hazelcast.nio.serialization.IdentifiedDataSerializable;
import dev.runnel.server.JobPlace;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What is done to the entry of a name, where the entry is: one step for all that ask at once. On a
 * thread of Hazelcast's.
 */
final class NameEntry
    implements EntryProcessor<String, byte[], byte @Nullable []>, IdentifiedDataSerializable {
  private static final long serialVersionUID = 1;

  /** Any number that others of the same JVM do not have. */
  static final int FACTORY = 7_867;

  static final int CLASS = 1;

  private int step;
  private byte[] place = {};
  private long keepMillis;

  /** For Hazelcast, which reads the rest. */
  NameEntry() {}

  private NameEntry(int step, byte[] place, long keepMillis) {
    this.step = step;
    this.place = place;
    this.keepMillis = keepMillis;
  }

  private static final int CLAIM = 0;
  private static final int RELEASE = 1;
  private static final int EXPIRE = 2;

  /** Takes the name if it is free; else what has it. */
  static NameEntry claim(JobPlace place) {
    return new NameEntry(CLAIM, encode(place), 0);
  }

  /** Frees it, if it is of that life of a node. */
  static NameEntry release(String boot) {
    return new NameEntry(RELEASE, encode(new JobPlace("", boot, "", "")), 0);
  }

  /** Frees it later, if it is of that life of a node. */
  static NameEntry expire(String boot, long keepMillis) {
    return new NameEntry(EXPIRE, encode(new JobPlace("", boot, "", "")), keepMillis);
  }

  @Override
  public byte @Nullable [] process(Map.Entry<String, byte[]> entry) {
    byte[] there = entry.getValue();
    switch (step) {
      case CLAIM -> {
        if (there == null) {
          entry.setValue(place);
        }
      }
      case RELEASE -> {
        if (isOurs(there)) {
          remove(entry);
        }
      }
      default -> {
        if (isOurs(there) && entry instanceof ExtendedMapEntry<String, byte[]> extended) {
          extended.setValue(there, Math.max(1, keepMillis), TimeUnit.MILLISECONDS);
        }
      }
    }
    return there;
  }

  private boolean isOurs(byte @Nullable [] there) {
    JobPlace ours = place(place);
    JobPlace known = place(there);
    return ours != null && known != null && known.boot().equals(ours.boot());
  }

  // So Hazelcast says that an entry goes.
  @SuppressWarnings("NullAway")
  private static void remove(Map.Entry<String, byte[]> entry) {
    entry.setValue(null);
  }

  static byte[] encode(JobPlace place) {
    return MemberCodec.bytes(
        out -> {
          out.writeUTF(place.node());
          out.writeUTF(place.boot());
          out.writeUTF(place.principal());
          out.writeUTF(place.once());
        });
  }

  /** Null: it is none. */
  static @Nullable JobPlace place(byte @Nullable [] bytes) {
    return bytes == null
        ? null
        : MemberCodec.read(
            bytes,
            in ->
                new JobPlace(
                    MemberCodec.text(in),
                    MemberCodec.text(in),
                    MemberCodec.longText(in),
                    MemberCodec.text(in)));
  }

  @Override
  public int getFactoryId() {
    return FACTORY;
  }

  @Override
  public int getClassId() {
    return CLASS;
  }

  @Override
  public void writeData(ObjectDataOutput out) throws IOException {
    out.writeByte(step);
    out.writeByteArray(place);
    out.writeLong(keepMillis);
  }

  @Override
  public void readData(ObjectDataInput in) throws IOException {
    step = in.readByte();
    byte[] read = in.readByteArray();
    place = read == null ? new byte[0] : read;
    keepMillis = in.readLong();
  }
}
