package dev.runnel.cli;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ResourceLimits;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/** The options that say as whom a command runs, and within what limits. */
final class RestrictionOptions {
  static final Option USER =
      Option.value("--user", "NAME|UID", "as that user, where the server is root").or("-u");
  static final Option CPU =
      Option.value("--limit-cpu", "TIME", "processor time of a process, in whole seconds");
  static final Option MEMORY = Option.value("--limit-memory", "SIZE", "its address space");
  static final Option OPEN_FILES = Option.value("--limit-open-files", "N", "its open files");
  static final Option FILE = Option.value("--limit-file", "SIZE", "the length of files it writes");

  static final Help.Section SECTION =
      new Help.Section("Limits", List.of(USER, CPU, MEMORY, OPEN_FILES, FILE));

  private RestrictionOptions() {}

  static CommandSpec restricted(Arguments arguments, Target.Defaults defaults, CommandSpec command)
      throws Failure {
    String user = arguments.value(USER);
    ResourceLimits limits =
        new ResourceLimits(
            seconds(arguments),
            size(arguments, MEMORY, ResourceLimits.MIN_MEMORY_BYTES),
            count(arguments),
            size(arguments, FILE, 0));
    return command.withLimits(limits).withUser(user == null ? defaults.user() : user);
  }

  private static OptionalLong seconds(Arguments arguments) throws Failure {
    String text = arguments.value(CPU);
    if (text == null) {
      return OptionalLong.empty();
    }
    Duration time = Durations.parse(CPU, text, Duration.ofSeconds(1));
    if (time.toNanosPart() != 0) {
      throw Failure.usage(CPU.name() + ": " + text + " (expected: whole seconds)");
    }
    return OptionalLong.of(time.toSeconds());
  }

  private static OptionalLong size(Arguments arguments, Option option, long min) throws Failure {
    @Nullable String text = arguments.value(option);
    return text == null ? OptionalLong.empty() : OptionalLong.of(Sizes.parse(option, text, min));
  }

  private static OptionalLong count(Arguments arguments) throws Failure {
    String text = arguments.value(OPEN_FILES);
    if (text == null) {
      return OptionalLong.empty();
    }
    boolean isNumber = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
    long count = isNumber && text.length() <= 10 ? Long.parseLong(text) : -1;
    if (count < ResourceLimits.MIN_OPEN_FILES || count > ResourceLimits.MAX_OPEN_FILES) {
      throw Failure.usage(
          OPEN_FILES.name()
              + ": "
              + text
              + " (expected: from "
              + ResourceLimits.MIN_OPEN_FILES
              + " to "
              + ResourceLimits.MAX_OPEN_FILES
              + ")");
    }
    return OptionalLong.of(count);
  }
}
