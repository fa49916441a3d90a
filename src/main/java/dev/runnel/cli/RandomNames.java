package dev.runnel.cli;

import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.SecureRandom;

/** Names that nobody else will have made, nor can guess. */
final class RandomNames {
  private static final String DIGITS = "0123456789abcdefghjkmnpqrstvwxyz";
  private static final int JOB_DIGITS = 16;
  private static final int SECRET_DIGITS = 26;

  private RandomNames() {}

  /** For a job: 80 bits. */
  static String job() {
    return random(JOB_DIGITS);
  }

  /** For one execution: 130 bits. */
  static String secret() {
    return random(SECRET_DIGITS);
  }

  private static String random(int digits) {
    byte[] bytes = bytes(digits);
    StringBuilder text = new StringBuilder(digits);
    for (byte b : bytes) {
      text.append(DIGITS.charAt(b & 31));
    }
    return text.toString();
  }

  // From the kernel itself: the JDK's own source of random bytes takes 20 ms to get ready.
  private static byte[] bytes(int count) {
    try (InputStream random = new FileInputStream("/dev/urandom")) {
      byte[] bytes = random.readNBytes(count);
      if (bytes.length == count) {
        return bytes;
      }
    } catch (IOException _) {
      // Not a Unix.
    }
    byte[] bytes = new byte[count];
    new SecureRandom().nextBytes(bytes);
    return bytes;
  }
}
