package dev.runnel.job;

import dev.runnel.model.JobId;
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
record IdempotencyKey(String digest) {
  /**
   * One that was.
   *
   * @param job its name, which may be another's by now
   */
  record Execution(JobId job, String principal, IdempotencyKey once) {
    /** Null: the run asks for none by name. */
    static @Nullable Execution of(Request.Run run, JobOrigin origin) {
      IdempotencyKey once = IdempotencyKey.of(run);
      JobId job = run.job();
      return once == null || job == null ? null : new Execution(job, origin.principal(), once);
    }
  }

  /** Null: the run has none. */
  static @Nullable IdempotencyKey of(Request.Run run) {
    return run.once() == null ? null : new IdempotencyKey(digest(run.once()));
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
