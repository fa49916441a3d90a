package dev.runnel.cli;

import dev.runnel.model.Secrets;
import java.util.LinkedHashMap;
import java.util.Map;

/** Variables whose values are nobody's to read: not of other users here, nor of who logs there. */
final class SecretOptions {
  static final Option SECRET_ENV =
      Option.value(
          "--secret-env", "NAME", "pass our variable on, kept out of all logs; repeatable");
  static final Option ENV_FROM =
      Option.value(
          "--env-from",
          "NAME",
          "a variable whose value the server has in a file; may be\nrepeated");

  private SecretOptions() {}

  static Secrets secrets(Arguments arguments, Map<String, String> ours) throws Failure {
    Map<String, String> values = new LinkedHashMap<>();
    for (String name : arguments.values(SECRET_ENV)) {
      if (name.indexOf('=') >= 0) {
        // Not shown: it may be the value itself.
        throw Failure.usage(SECRET_ENV.name() + ": (expected: the NAME of a variable)");
      }
      String value = OurVariables.value(SECRET_ENV, name, ours);
      if (value == null) {
        throw Failure.usage(SECRET_ENV.name() + ": " + name + " is not set");
      }
      values.put(name, value);
    }
    return values.isEmpty() && !arguments.has(ENV_FROM)
        ? Secrets.NONE
        : new Secrets(values, arguments.values(ENV_FROM));
  }
}
