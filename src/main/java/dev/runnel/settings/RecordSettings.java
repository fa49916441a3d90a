package dev.runnel.settings;

import dev.runnel.record.Recordings;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.policy.RecordingScope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * What a daemon records of what its jobs print.
 *
 * @param usual which jobs', where no rule says otherwise
 */
public record RecordSettings(Path folder, RecordingScope usual) {

  /** Null: nothing is recorded. */
  static @Nullable RecordSettings of(@Nullable String folder, @Nullable String which)
      throws SettingsException {
    try {
      RecordingScope usual = which == null ? RecordingScope.TERMINALS : which(which);
      return folder == null ? null : new RecordSettings(Path.of(folder), usual);
    } catch (IllegalArgumentException e) {
      throw SettingsException.usage("--record " + e.getMessage());
    }
  }

  /**
   * The jobs of that name.
   *
   * @throws IllegalArgumentException in words, if it is none
   */
  static RecordingScope which(String text) {
    for (RecordingScope recorded : RecordingScope.values()) {
      if (recorded.name().toLowerCase(Locale.ROOT).equals(text)) {
        return recorded;
      }
    }
    throw new IllegalArgumentException(text + " (expected: none, terminals or all)");
  }

  /** Begins to record; blocks. */
  public Recordings open(Settings settings, Audit audit) throws SettingsException {
    Recordings.Limits limits =
        new Recordings.Limits(
            settings.limit(Limit.MAX_RECORDING_BYTES), settings.limit(Limit.MAX_RECORDINGS_BYTES));
    try {
      return Recordings.open(folder, usual, limits, audit);
    } catch (IOException e) {
      throw SettingsException.config("--record-dir " + folder + ": " + ConfigFile.reason(e));
    }
  }
}
