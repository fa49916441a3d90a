package dev.runnel.settings;

import dev.runnel.cli.Arguments;
import dev.runnel.cli.CommandLine;
import dev.runnel.cli.Failure;
import dev.runnel.cli.VerbDefinition;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** What a daemon is told by the words after {@code serve}, without one that is. */
public final class ServeWords {
  private static final VerbDefinition SERVE = ServeArguments.verb((_, _) -> 0);

  private ServeWords() {}

  public static Settings parse(List<String> words, Map<String, String> environment)
      throws SettingsException {
    List<String> line = new ArrayList<>(words);
    line.addFirst("serve");
    Arguments arguments =
        new Arguments(SERVE.options(), CommandLine.of(line.toArray(String[]::new)));
    try {
      arguments.readAnywhere();
      return ServeArguments.read(arguments, environment);
    } catch (Failure e) {
      throw SettingsException.usage(e.line());
    }
  }
}
