package dev.runnel.spool;

import dev.runnel.model.JobId;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Names of folders for jobs. A capital becomes "=" and its small letter, so that two jobs have two
 * folders where names are compared without regard to case; no job's folder begins with "==".
 */
final class FolderName {
  static final String ASIDE = "==";

  private FolderName() {}

  static String of(JobId job) {
    StringBuilder name = new StringBuilder();
    job.value()
        .chars()
        .forEach(
            c -> {
              boolean capital = c >= 'A' && c <= 'Z';
              name.append(capital ? "=" + (char) (c - 'A' + 'a') : "" + (char) c);
            });
    return name.toString();
  }

  /** The job whose folder has that name; null: none has. */
  static @Nullable JobId job(String name) {
    StringBuilder id = new StringBuilder();
    for (int i = 0; i < name.length(); i++) {
      boolean capital = name.charAt(i) == '=' && i + 1 < name.length();
      id.append(capital ? name.substring(++i, i + 1).toUpperCase(Locale.ROOT) : name.charAt(i));
    }
    String text = id.toString();
    return JobId.isValid(text) && of(new JobId(text)).equals(name) ? new JobId(text) : null;
  }
}
