package dev.runnel.cli;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code runnel hosts}: the named hosts of the user's file, and what it says of each. */
final class HostsVerb {
  private static final Option NAMES =
      Option.flag("--quiet", "only the names, one on each line").or("-q");

  private static final String BEFORE =
      """
      Usage: runnel hosts [-q]

      Lists the hosts that have a name in ~/.config/runnel/config.yaml: where each is, and what else
      the file says of it. Nobody is connected to; runnel ping -H NAME does that.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage, or a mistake in the file.

      Example:
        for host in $(runnel hosts -q); do runnel exec -n -H $host -- uptime; done
      """;

  static final VerbDefinition DEFINITION =
      new VerbDefinition(
          BEFORE, List.of(new Help.Section("How", List.of(NAMES))), AFTER, HostsVerb::run);

  private HostsVerb() {}

  private static int run(CliContext context, Arguments arguments) throws Failure {
    arguments.expectOperands();
    Path file = HostsFile.of(context.env());
    Map<String, Map<String, String>> hosts = file == null ? Map.of() : HostsFile.all(file);
    if (arguments.has(NAMES)) {
      StringBuilder names = new StringBuilder();
      hosts.keySet().forEach(name -> names.append(name).append('\n'));
      context.out().print(names.toString());
      return 0;
    }
    if (hosts.isEmpty()) {
      context.err().tryPrintLine("no host has a name" + (file == null ? "" : " in " + file));
      return 0;
    }
    context.out().print(table(hosts));
    return 0;
  }

  private static String table(Map<String, Map<String, String>> hosts) {
    List<String[]> rows = new ArrayList<>();
    rows.add(new String[] {"NAME", "HOST", "SETTINGS"});
    hosts.forEach(
        (name, settings) ->
            rows.add(new String[] {name, settings.getOrDefault("host", "-"), settings(settings)}));
    return String.join("\n", JobsVerb.aligned(rows)) + "\n";
  }

  private static String settings(Map<String, String> settings) {
    List<String> all = new ArrayList<>();
    settings.forEach(
        (key, value) -> {
          if (!key.equals("host")) {
            all.add(key + "=" + value);
          }
        });
    return all.isEmpty() ? "-" : String.join(" ", all);
  }
}
