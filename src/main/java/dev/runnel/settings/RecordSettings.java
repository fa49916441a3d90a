package dev.runnel.settings;

import dev.runnel.cli.Reasons;
import dev.runnel.record.Recordings;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.policy.RecordingScope;
import java.io.IOException;
import java.nio.file.Path;

/**
 * What a daemon records of what its jobs print.
 *
 * @param usual which jobs', where no rule says otherwise
 */
public record RecordSettings(Path folder, RecordingScope usual) {

  /** Begins to record; blocks. */
  public Recordings open(Settings settings, Audit audit) throws SettingsException {
    Recordings.Limits limits =
        new Recordings.Limits(
            settings.limit(Limit.MAX_RECORDING_BYTES), settings.limit(Limit.MAX_RECORDINGS_BYTES));
    try {
      return Recordings.open(folder, usual, limits, audit);
    } catch (IOException e) {
      throw SettingsException.config("--record-dir " + folder + ": " + Reasons.of(e));
    }
  }
}
