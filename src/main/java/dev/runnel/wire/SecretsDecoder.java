package dev.runnel.wire;

import dev.runnel.model.Secrets;
import dev.runnel.model.SystemText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The keys {@code env_body} and {@code env_from} of a {@code run}. Nothing of a value is ever in a
 * message. PROTOCOL.md, "Requests".
 */
final class SecretsDecoder {
  private SecretsDecoder() {}

  /** Whether the body is values for the environment, and no command. */
  static boolean isBody(Header header) throws RequestException {
    return header.flag("env_body");
  }

  /**
   * Decodes both.
   *
   * @param env names that are set in the header
   */
  static Secrets decode(Header header, byte[] body, Set<String> env) throws RequestException {
    Map<String, String> values = isBody(header) ? values(body) : Map.of();
    List<String> fromServer = fromServer(header);
    if (values.isEmpty() && fromServer.isEmpty()) {
      return Secrets.NONE;
    }
    checkOnce("env_body", values.keySet(), env);
    checkOnce("env_from", fromServer, env);
    checkOnce("env_from", fromServer, values.keySet());
    return new Secrets(values, fromServer);
  }

  private static Map<String, String> values(byte[] body) throws RequestException {
    if (body.length == 0 || body[body.length - 1] != 0) {
      throw RequestException.bad(
          "env_body: " + (body.length == 0 ? "no body" : "the last entry does not end in NUL"));
    }
    Map<String, String> values = new LinkedHashMap<>();
    int start = 0;
    for (int i = 0; i < body.length; i++) {
      if (body[i] == 0) {
        addEntry(values, Arrays.copyOfRange(body, start, i));
        start = i + 1;
      }
    }
    return values;
  }

  private static void addEntry(Map<String, String> values, byte[] bytes) throws RequestException {
    int number = values.size() + 1;
    String entry = SystemText.of(bytes);
    int equals = entry.indexOf('=');
    if (equals <= 0) {
      throw RequestException.bad("env_body: entry " + number + " (expected: NAME=VALUE)");
    }
    if (values.put(entry.substring(0, equals), entry.substring(equals + 1)) != null) {
      throw RequestException.bad("env_body: entry " + number + " names one again");
    }
  }

  private static List<String> fromServer(Header header) throws RequestException {
    Object value = header.raw("env_from");
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw RequestException.bad("env_from: not an array of names");
    }
    List<String> names = new ArrayList<>();
    for (Object element : list) {
      if (!(element instanceof String name) || name.isEmpty() || name.indexOf('=') >= 0) {
        throw RequestException.bad("env_from: not an array of names");
      }
      names.add(Header.checkText("env_from", name));
    }
    return names;
  }

  private static void checkOnce(String key, Iterable<String> names, Set<String> elsewhere)
      throws RequestException {
    for (String name : names) {
      if (elsewhere.contains(name)) {
        throw RequestException.bad(key + ": " + Json.show(name) + " is given twice");
      }
    }
  }
}
