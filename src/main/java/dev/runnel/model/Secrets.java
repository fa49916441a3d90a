package dev.runnel.model;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Values for a command's environment that nobody is to read but the command: not in a log, a
 * status, an error, or what is kept of a job. PROTOCOL.md, "Requests", {@code env_body} and {@code
 * env_from}.
 *
 * @param values as the client sent them
 * @param fromServer names whose values the server has in files
 */
public record Secrets(Map<String, String> values, List<String> fromServer) {
  public static final Secrets NONE = new Secrets(Map.of(), List.of());

  public Secrets {
    values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
    fromServer = List.copyOf(fromServer);
  }

  /** The names alone. */
  @Override
  public String toString() {
    return "Secrets[values=" + values.keySet() + ", fromServer=" + fromServer + "]";
  }
}
