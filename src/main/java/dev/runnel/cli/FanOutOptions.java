package dev.runnel.cli;

import java.util.List;

/** The options of {@code exec} that make it run on many nodes. */
final class FanOutOptions {
  static final Option ON =
      Option.value("--on", "HOST,…", "on each of these servers; web[1-20] are twenty");
  static final Option HOSTS_FILE =
      Option.value("--hosts-file", "FILE", "the same, one a line; # begins a comment");
  static final Option ALL =
      Option.flag(
          "--all", "on all nodes of the server's cluster; with --where on those\nwith the labels");
  static final Option PARALLEL =
      Option.value("--parallel", "N", "on so many at a time (default: 64)");
  static final Option FOLD =
      Option.flag("--fold", "show output at the end, once for nodes with the same");
  static final Option OUT =
      Option.value("--out", "FOLDER", "output into NODE.out and NODE.err there, and not to us");
  static final Option FAIL_FAST =
      Option.flag("--fail-fast", "the first failure cancels the others");

  static final Help.Section SECTION =
      new Help.Section(
          "On many nodes", List.of(ON, HOSTS_FILE, ALL, PARALLEL, FOLD, OUT, FAIL_FAST));

  /** What makes no sense without many nodes. */
  private static final List<Option> MORE = List.of(PARALLEL, FOLD, OUT, FAIL_FAST);

  private FanOutOptions() {}

  /** Whether the command is for many nodes. */
  static boolean areGiven(Arguments arguments) throws Failure {
    if (arguments.has(ON) || arguments.has(HOSTS_FILE) || arguments.has(ALL)) {
      return true;
    }
    for (Option option : MORE) {
      if (arguments.has(option)) {
        throw Failure.usage(
            option.name() + ": on which nodes? (expected: --on, --all or --hosts-file as well)");
      }
    }
    return false;
  }
}
