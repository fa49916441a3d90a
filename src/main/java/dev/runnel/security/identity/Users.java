package dev.runnel.security.identity;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.nio.file.attribute.FileTime;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The users of this machine, by number. */
final class Users {
  private static final Path PASSWD = Path.of("/etc/passwd");
  private static final String NAME = "[A-Za-z_][A-Za-z0-9._-]{0,63}[$]?";

  private static volatile Read read = new Read(null, Map.of());

  /** What stood in the file when it was like that. */
  private record Read(@Nullable Stamp stamp, Map<String, String> names) {}

  private record Stamp(FileTime time, long size, @Nullable Object file) {}

  private Users() {}

  /**
   * The name of the first with that number, or null. The file is read when it has changed; users
   * that only a directory service knows have no name. passwd(5)
   */
  static @Nullable String nameOf(String uid) {
    try {
      var seen = Files.readAttributes(PASSWD, BasicFileAttributes.class);
      Stamp stamp = new Stamp(seen.lastModifiedTime(), seen.size(), seen.fileKey());
      if (!stamp.equals(read.stamp())) {
        read = new Read(stamp, readNames());
      }
      return read.names().get(uid);
    } catch (IOException _) {
      return null; // Without the file nobody has a name.
    }
  }

  private static Map<String, String> readNames() throws IOException {
    Map<String, String> names = new HashMap<>();
    try (BufferedReader lines = Files.newBufferedReader(PASSWD, StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(":", 4);
        if (fields.length == 4 && fields[0].matches(NAME)) {
          names.putIfAbsent(fields[2], fields[0]);
        }
      }
    }
    return names;
  }
}
