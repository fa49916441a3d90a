package dev.runnel.cluster;

import dev.runnel.model.NodeStatus;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Base64;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What members tell each other about themselves, as bytes that begin with a version. What comes
 * from others is anybody's who reaches the port: what is too long, or says anything else than was
 * expected, is null. Any thread.
 */
final class MemberCodec {
  private static final int VERSION = 1;
  private static final int MAX_BYTES = 8 * 1024;
  private static final int MAX_TEXT = 256;

  private MemberCodec() {}

  /**
   * What stays the same for as long as a member is there.
   *
   * @param name the node's
   * @param frames where it takes frames of other nodes, as HOST:PORT
   * @param since when it began, since the epoch
   */
  record Identity(
      String name,
      String boot,
      String version,
      String frames,
      Map<String, String> labels,
      long since) {}

  /** How much a node has to do. */
  record Load(String boot, long sequence, NodeStatus.State state, int jobs, int room) {}

  static String encode(Identity identity) {
    return Base64.getEncoder()
        .encodeToString(
            bytes(
                out -> {
                  out.writeUTF(identity.name());
                  out.writeUTF(identity.boot());
                  out.writeUTF(identity.version());
                  out.writeUTF(identity.frames());
                  out.writeLong(identity.since());
                  out.writeByte(identity.labels().size());
                  for (Map.Entry<String, String> label : identity.labels().entrySet()) {
                    out.writeUTF(label.getKey());
                    out.writeUTF(label.getValue());
                  }
                }));
  }

  static @Nullable Identity identity(@Nullable String text) {
    if (text == null || text.length() > MAX_BYTES) {
      return null;
    }
    try {
      return read(Base64.getDecoder().decode(text), MemberCodec::identity);
    } catch (IllegalArgumentException _) {
      return null;
    }
  }

  private static Identity identity(DataInputStream in) throws IOException {
    String name = name(in);
    String boot = name(in);
    String version = text(in);
    String frames = text(in);
    long since = in.readLong();
    Map<String, String> labels = new TreeMap<>();
    int count = in.readUnsignedByte();
    for (int i = 0; i < count && i < ClusterOptions.MAX_LABELS; i++) {
      labels.put(name(in), name(in));
    }
    return new Identity(name, boot, version, frames, labels, since);
  }

  static byte[] encode(Load load) {
    return bytes(
        out -> {
          out.writeUTF(load.boot());
          out.writeLong(load.sequence());
          out.writeUTF(load.state().wireName());
          out.writeInt(load.jobs());
          out.writeShort(load.room());
        });
  }

  static @Nullable Load load(byte @Nullable [] bytes) {
    return bytes == null ? null : read(bytes, MemberCodec::load);
  }

  private static Load load(DataInputStream in) throws IOException {
    String boot = name(in);
    long sequence = in.readLong();
    NodeStatus.State state = state(text(in));
    return new Load(
        boot, sequence, state, Math.max(0, in.readInt()), Math.min(1_000, in.readUnsignedShort()));
  }

  private static NodeStatus.State state(String name) throws IOException {
    for (NodeStatus.State state : NodeStatus.State.values()) {
      if (state.wireName().equals(name)) {
        return state;
      }
    }
    throw new IOException("state");
  }

  /** Writes fields. */
  interface Fields {
    void writeTo(DataOutputStream out) throws IOException;
  }

  /** Reads them. */
  interface Parser<T> {
    T read(DataInputStream in) throws IOException;
  }

  static byte[] bytes(Fields fields) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      DataOutputStream out = new DataOutputStream(bytes);
      out.writeByte(VERSION);
      fields.writeTo(out);
      return bytes.toByteArray();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static <T> @Nullable T read(byte[] bytes, Parser<T> parser) {
    if (bytes.length > MAX_BYTES) {
      return null;
    }
    DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
    try {
      return in.readUnsignedByte() == VERSION ? parser.read(in) : null;
    } catch (IOException _) {
      return null;
    }
  }

  static String text(DataInputStream in) throws IOException {
    String text = in.readUTF();
    if (text.length() > MAX_TEXT || !text.chars().allMatch(c -> c >= ' ' && c < 0x7F)) {
      throw new IOException("text");
    }
    return text;
  }

  /** One that may be in any language. */
  static String longText(DataInputStream in) throws IOException {
    String text = in.readUTF();
    if (text.length() > 4 * MAX_TEXT) {
      throw new IOException("text");
    }
    return text;
  }

  private static String name(DataInputStream in) throws IOException {
    String name = text(in);
    if (!name.matches(ClusterOptions.NAME)) {
      throw new IOException("name");
    }
    return name;
  }
}
