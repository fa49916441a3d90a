package dev.runnel.settings;

import dev.runnel.settings.YamlNode.WrongException;
import java.nio.file.Path;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A daemon's settings as its YAML file has them; every key is optional, and one that is not known
 * is an error.
 *
 * @param values each as its setting reads it
 */
record ConfigFile(Map<Setting<?>, Object> values, Map<Limit, Long> limits) {
  private static final String LIMITS = "limits";

  static ConfigFile read(Path file) throws SettingsException {
    return YamlNode.read(file, ConfigFile::of);
  }

  /** What the file's text says. */
  static ConfigFile parse(Path file, String text) throws SettingsException {
    return YamlNode.read(file, text, ConfigFile::of);
  }

  static ConfigFile none() {
    return new ConfigFile(Map.of(), Map.of());
  }

  private static ConfigFile of(@Nullable YamlNode root) throws WrongException {
    if (root == null) {
      return none();
    }
    Map<String, YamlNode> entries = root.map(keysBelow(""));
    Map<Setting<?>, Object> values = new HashMap<>();
    for (Setting<?> setting : Setting.table()) {
      int dot = setting.key().indexOf('.');
      String group = setting.key().substring(0, Math.max(0, dot));
      YamlNode above = entries.get(group);
      Map<String, YamlNode> known =
          dot < 0
              ? entries
              : above == null || above.isEmpty() ? Map.of() : above.map(keysBelow(group + "."));
      YamlNode node = known.get(setting.key().substring(dot + 1));
      if (node != null) {
        values.put(setting, value(setting, node));
      }
    }
    return new ConfigFile(values, limits(entries.get(LIMITS)));
  }

  private static Set<String> keysBelow(String group) {
    Set<String> keys = new TreeSet<>();
    for (Setting<?> setting : Setting.table()) {
      if (setting.isOfFile() && setting.key().startsWith(group)) {
        keys.add(setting.key().substring(group.length()).split("[.]", 2)[0]);
      }
    }
    if (group.isEmpty()) {
      keys.add(LIMITS);
    }
    return keys;
  }

  private static <T> T value(Setting<T> setting, YamlNode node) throws WrongException {
    List<String> texts = setting.takesMany() ? node.texts() : List.of(node.text());
    return node.value(texts, setting::parse);
  }

  private static Map<Limit, Long> limits(@Nullable YamlNode node) throws WrongException {
    Map<Limit, Long> limits = new EnumMap<>(Limit.class);
    if (node == null || node.isEmpty()) {
      return limits;
    }
    for (Map.Entry<String, YamlNode> entry : node.map().entrySet()) {
      Limit limit = Limit.ofKey(entry.getKey());
      if (limit == null) {
        throw entry.getValue().wrong("unknown key (see --help)");
      }
      limits.put(limit, entry.getValue().value(limit::parse));
    }
    return limits;
  }
}
