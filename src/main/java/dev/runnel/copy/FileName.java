package dev.runnel.copy;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.net.URI;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/** Names as the bytes that the file system has: a path keeps them, its text may not. */
final class FileName {
  private static final int MAX_BYTES = 4_096;

  private FileName() {}

  /** The path's bytes, a name or a link's target. */
  static byte[] bytes(Path path) {
    String text = path.toString();
    if (text.indexOf('\uFFFD') < 0) {
      return text.getBytes(StandardCharsets.UTF_8);
    }
    // What is no text is kept in its URI, which is of the absolute path.
    Path absolute = path.isAbsolute() ? path : Path.of("/").resolve(path);
    String raw = absolute.toUri().getRawPath();
    byte[] all =
        decoded(raw.endsWith("/") && raw.length() > 1 ? raw.substring(0, raw.length() - 1) : raw);
    return path.isAbsolute() ? all : java.util.Arrays.copyOfRange(all, 1, all.length);
  }

  private static byte[] decoded(String raw) {
    ByteBuffer bytes = ByteBuffer.allocate(raw.length());
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '%') {
        bytes.put((byte) Integer.parseInt(raw, i + 1, i + 3, 16));
        i += 2;
      } else {
        bytes.put((byte) c);
      }
    }
    return java.util.Arrays.copyOf(bytes.array(), bytes.position());
  }

  /**
   * The path of those bytes.
   *
   * @throws IOException if no path has such bytes
   */
  static Path path(byte[] bytes) throws IOException {
    try {
      return Path.of(text(bytes));
    } catch (CharacterCodingException _) {
      StringBuilder uri = new StringBuilder("file:///");
      boolean absolute = bytes.length > 0 && bytes[0] == '/';
      for (int i = absolute ? 1 : 0; i < bytes.length; i++) {
        uri.append(bytes[i] == '/' ? "/" : "%%%02X".formatted(bytes[i] & 0xFF));
      }
      Path path = Path.of(URI.create(uri.toString()));
      return absolute ? path : Path.of("/").relativize(path);
    } catch (InvalidPathException _) {
      throw new IOException("no name of a file: " + new String(bytes, StandardCharsets.UTF_8));
    }
  }

  private static String text(byte[] bytes) throws CharacterCodingException {
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
  }

  static void write(DataOutputStream out, byte[] name) throws IOException {
    if (name.length > MAX_BYTES) {
      throw new IOException("a name of " + name.length + " bytes (limit: " + MAX_BYTES + ")");
    }
    out.writeShort(name.length);
    out.write(name);
  }

  static byte[] read(DataInputStream in) throws IOException {
    int length = in.readUnsignedShort();
    if (length > MAX_BYTES) {
      throw new IOException("a name of " + length + " bytes (limit: " + MAX_BYTES + ")");
    }
    return in.readNBytes(length);
  }

  /** Whether it names something right in a folder, and nothing else. */
  static boolean isPlain(byte[] name) {
    for (byte b : name) {
      if (b == '/' || b == 0) {
        return false;
      }
    }
    boolean dots = name.length <= 2;
    for (byte b : name) {
      dots &= b == '.';
    }
    return !dots;
  }
}
