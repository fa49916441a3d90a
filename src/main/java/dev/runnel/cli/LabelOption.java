package dev.runnel.cli;

import dev.runnel.model.Labels;
import java.util.LinkedHashMap;
import java.util.Map;

/** {@code --label NAME=VALUE}, of a job that is started or of those that are listed. */
final class LabelOption {
  static final Option OF_JOB =
      Option.value("--label", "NAME=VALUE", "a label to find it by; may be repeated");
  static final Option OF_LIST =
      Option.value("--label", "NAME=VALUE", "only jobs with this label; may be repeated");

  private LabelOption() {}

  /** What was given of either. */
  static Labels labels(Arguments arguments, Option option) throws Failure {
    Map<String, String> values = new LinkedHashMap<>();
    for (String given : arguments.values(option)) {
      int equals = given.indexOf('=');
      if (equals < 0) {
        throw Failure.usage(option.name() + ": " + given + " (expected: NAME=VALUE)");
      }
      values.put(given.substring(0, equals), given.substring(equals + 1));
    }
    Labels labels = new Labels(values);
    try {
      labels.check();
    } catch (IllegalArgumentException e) {
      throw Failure.usage(option.name() + ": " + e.getMessage());
    }
    return labels;
  }
}
