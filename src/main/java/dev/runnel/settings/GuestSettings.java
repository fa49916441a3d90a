package dev.runnel.settings;

import dev.runnel.settings.Settings.Life;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** The settings of a node in an application: keys and values as in the file of settings. */
public final class GuestSettings {
  private static final String LIMITS = "limits";

  /** What an application does itself, or is a daemon's alone. */
  private static final Set<Setting<?>> NOT_OURS =
      Set.of(
          Setting.CONFIG,
          Setting.SEED_LISTEN,
          Setting.HTTP,
          Setting.METRICS,
          Setting.HTTP_ORIGIN,
          Setting.CONSOLE,
          Setting.LOG_LEVEL,
          Setting.LOG_FORMAT,
          Setting.DUMPABLE);

  private final Map<Setting<?>, Object> values = new HashMap<>();
  private final Map<Limit, Long> limits = new EnumMap<>(Limit.class);

  private GuestSettings() {}

  /**
   * Looks at each key by itself.
   *
   * @param keys to a text, a number, a flag, a list of texts, or a map of keys below it
   * @throws IllegalArgumentException that names a key that there is not, or the value that it does
   *     not take
   */
  public static void check(Map<String, ?> keys) {
    new GuestSettings().take("", keys);
  }

  /**
   * The same, and whether they go together.
   *
   * @throws SettingsException if not
   */
  public static Settings read(Map<String, ?> keys) throws SettingsException {
    GuestSettings read = new GuestSettings();
    try {
      read.take("", keys);
    } catch (IllegalArgumentException e) {
      throw SettingsException.config(String.valueOf(e.getMessage()));
    }
    return Settings.of(Life.GUEST, read.values, read.limits);
  }

  private void take(String above, Map<?, ?> keys) {
    keys.forEach((key, value) -> take(above + key, value));
  }

  private void take(String key, @Nullable Object value) {
    if (value == null) {
      throw new IllegalArgumentException(key + ": null (expected: a value)");
    } else if (key.equals(LIMITS) && value instanceof Map<?, ?> below) {
      below.forEach((name, limit) -> takeLimit(String.valueOf(name), String.valueOf(limit)));
    } else if (value instanceof Map<?, ?> below && !key.contains(".")) {
      take(key + ".", below);
    } else {
      Setting<?> setting = known(key);
      values.put(setting, parsed(setting, value));
    }
  }

  private static Setting<?> known(String key) {
    for (Setting<?> setting : Setting.table()) {
      if (setting.key().equals(key) && !NOT_OURS.contains(setting) && !isOfCluster(key)) {
        return setting;
      }
    }
    throw new IllegalArgumentException(
        key + ": unknown key (expected: one of docs/guide/settings.md that an application has)");
  }

  // A node of a cluster is a daemon: what joins has a Vert.x of its own.
  private static boolean isOfCluster(String key) {
    return key.startsWith("cluster.") || key.equals(Setting.LABEL.key());
  }

  private static Object parsed(Setting<?> setting, Object value) {
    List<String> texts =
        value instanceof List<?> many
            ? many.stream().map(String::valueOf).toList()
            : List.of(String.valueOf(value));
    if (texts.isEmpty() || (texts.size() > 1 && !setting.takesMany())) {
      throw new IllegalArgumentException(
          setting.key() + ": " + texts.size() + " values (expected: one)");
    }
    try {
      return setting.parse(texts);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(setting.key() + ": " + e.getMessage(), e);
    }
  }

  private void takeLimit(String name, String text) {
    Limit limit = Limit.ofKey(name);
    if (limit == null) {
      throw new IllegalArgumentException(LIMITS + "." + name + ": unknown limit");
    }
    try {
      limits.put(limit, limit.parse(text));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(LIMITS + "." + name + ": " + e.getMessage(), e);
    }
  }
}
