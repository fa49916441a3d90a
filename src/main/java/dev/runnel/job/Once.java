package dev.runnel.job;

import dev.runnel.model.Request;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.jspecify.annotations.Nullable;

/**
 * The name of one intended execution, as it is kept: by its digest it is known again, in another
 * life of the server too, and whoever reads that can't ask for it.
 */
record Once(String digest) {
  /** Null: the run has none. */
  static @Nullable Once of(Request.Run run) {
    return run.once() == null ? null : new Once(digest(run.once()));
  }

  private static String digest(String once) {
    try {
      MessageDigest sha256 = MessageDigest.getInstance("SHA-256");
      return HexFormat.of().formatHex(sha256.digest(once.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
