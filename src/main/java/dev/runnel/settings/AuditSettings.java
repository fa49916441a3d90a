package dev.runnel.settings;

import dev.runnel.cli.Reasons;
import dev.runnel.security.audit.AuditFile;
import dev.runnel.security.audit.AuditLog;
import dev.runnel.security.audit.AuditSink;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon writes down of what it did.
 *
 * @param to a file, or {@link #STDOUT}
 */
public record AuditSettings(String to, AuditLog.Options options) {
  static final String STDOUT = "stdout";

  /** Null: it goes to stdout. */
  public @Nullable Path file() {
    return to.equals(STDOUT) ? null : Path.of(to);
  }

  /**
   * Begins to write; blocks.
   *
   * @param maxQueuedStarts a quarter of them may be one principal's while the disk is slow
   */
  public AuditLog open(PrintStream out, long maxQueuedStarts) throws SettingsException {
    try {
      return new AuditLog(
          to.equals(STDOUT) ? stdout(out) : new AuditFile(Path.of(to)),
          options,
          (int) Math.max(1, maxQueuedStarts / 4));
    } catch (IOException e) {
      Path folder = Path.of(to).toAbsolutePath().getParent();
      String reason =
          folder != null && Files.notExists(folder)
              ? "there is no folder " + folder
              : Reasons.of(e);
      throw SettingsException.config("cannot write the audit " + to + ": " + reason);
    }
  }

  private static AuditSink stdout(PrintStream out) {
    return new AuditSink() {
      @Override
      public void write(byte[] lines) throws IOException {
        out.write(lines);
        if (out.checkError()) {
          throw new IOException("stdout can't be written");
        }
      }

      @Override
      public void close() {}
    };
  }
}
