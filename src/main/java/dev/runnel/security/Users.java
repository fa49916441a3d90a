package dev.runnel.security;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The users of this machine, by number. */
final class Users {
  private static final Path PASSWD = Path.of("/etc/passwd");
  private static final String NAME = "[A-Za-z_][A-Za-z0-9._-]{0,63}[$]?";

  private Users() {}

  /**
   * The name of the first with that number, or null. Read anew each time, which takes a fraction of
   * a millisecond; users that only a directory service knows have none. passwd(5)
   */
  static @Nullable String nameOf(String uid) {
    try (BufferedReader lines = Files.newBufferedReader(PASSWD, StandardCharsets.ISO_8859_1)) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] fields = line.split(":", 4);
        if (fields.length == 4 && fields[2].equals(uid) && fields[0].matches(NAME)) {
          return fields[0];
        }
      }
    } catch (IOException _) {
      // Without the file nobody has a name.
    }
    return null;
  }
}
