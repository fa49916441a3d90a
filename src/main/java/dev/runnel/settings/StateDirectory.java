package dev.runnel.settings;

import dev.runnel.cli.Reasons;
import dev.runnel.files.CurrentUser;
import dev.runnel.files.LockedDirectory;
import dev.runnel.job.SpoolThreads;
import dev.runnel.spool.SpoolDirectory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * Where a daemon keeps what is to outlive it.
 *
 * @param wish whether somebody has named it
 */
public record StateDirectory(Path path, Wish wish) {
  private static final String NOWHERE = "none";

  /** How much it is wanted. */
  public enum Wish {
    /** A daemon that can't have it does not start. */
    NAMED,
    /** One that can't have it goes without. */
    DEFAULT
  }

  /** The one that is named; without a name, the one that this user's daemons have; null: none. */
  static @Nullable StateDirectory of(@Nullable String named, Map<String, String> environment) {
    if (named != null) {
      return named.equals(NOWHERE) ? null : new StateDirectory(Path.of(named), Wish.NAMED);
    }
    String state = environment.get("XDG_STATE_HOME");
    if (state != null && state.startsWith("/")) {
      return new StateDirectory(Path.of(state, "runnel"), Wish.DEFAULT);
    }
    if (CurrentUser.isRoot()) {
      return new StateDirectory(Path.of("/var/lib/runnel"), Wish.DEFAULT);
    }
    String home = CurrentUser.home(environment);
    return home == null
        ? null
        : new StateDirectory(Path.of(home, ".local/state/runnel"), Wish.DEFAULT);
  }

  /**
   * Opens it; blocks. Null: it can't be had, which is logged.
   *
   * @throws SettingsException if it can't be had and somebody named it
   */
  public @Nullable SpoolThreads open(long maxBytes) throws SettingsException {
    try {
      Files.createDirectories(path, LockedDirectory.FOLDER_MODE);
      LockedDirectory.check(path);
      return new SpoolThreads(SpoolDirectory.open(path.resolve("jobs"), maxBytes));
    } catch (IOException e) {
      if (wish == Wish.NAMED) {
        throw SettingsException.config("--state-dir " + path + ": " + Reasons.of(e));
      }
      LoggerFactory.getLogger(StateDirectory.class)
          .warn(
              "no spool folder={} cause={}: jobs do not outlive this daemon, and runs with"
                  + " on_full: spool are refused; --state-dir names another folder",
              path,
              Reasons.of(e));
      return null;
    }
  }
}
