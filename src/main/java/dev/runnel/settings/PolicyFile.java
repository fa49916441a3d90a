package dev.runnel.settings;

import dev.runnel.model.Argument;
import dev.runnel.model.JobSpec;
import dev.runnel.security.policy.ArgvPattern;
import dev.runnel.security.policy.Glob;
import dev.runnel.security.policy.JobScope;
import dev.runnel.security.policy.LimitKey;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.policy.Range;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.security.policy.Rule;
import dev.runnel.settings.YamlNode.WrongException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** A policy as its YAML file has it. Strict: what is not known or not whole is an error. */
public final class PolicyFile {
  private static final int MAX_RULES = 1_024;
  private static final String RULE_NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,63}";
  private static final String GROUP = "@";
  private static final Set<String> RULE_KEYS = ruleKeys();

  private final Map<String, List<String>> groups = new LinkedHashMap<>();
  private final Set<String> names = new TreeSet<>();

  private PolicyFile() {}

  private static Set<String> ruleKeys() {
    Set<String> keys =
        new TreeSet<>(
            Set.of(
                "name",
                "principals",
                "commands",
                "shell",
                "force",
                "users",
                "cwd",
                "env",
                "env_from",
                "leftovers",
                "pty",
                "limits",
                "jobs",
                "starts_per_minute",
                "observe",
                "control",
                "record"));
    for (LimitKey bound : LimitKey.values()) {
      if (!bound.isOfLimits()) {
        keys.add(bound.key());
      }
    }
    return keys;
  }

  /** Reads a file; blocks. */
  public static Policy read(Path file) throws SettingsException {
    return YamlNode.read(file, PolicyFile::of);
  }

  /** What the text says. */
  static Policy parse(String text) throws WrongException {
    return of(YamlNode.parse(text));
  }

  private static Policy of(@Nullable YamlNode root) throws WrongException {
    if (root == null) {
      throw new WrongException(1, "nothing in it (expected: rules)");
    }
    return new PolicyFile().policy(root);
  }

  private Policy policy(YamlNode root) throws WrongException {
    Map<String, YamlNode> keys = root.map(Set.of("groups", "rules"));
    YamlNode groupNode = keys.get("groups");
    if (groupNode != null) {
      for (Map.Entry<String, YamlNode> group : groupNode.map().entrySet()) {
        groups.put(group.getKey(), group.getValue().texts());
      }
    }
    YamlNode ruleNode = keys.get("rules");
    if (ruleNode == null) {
      throw root.wrong("rules: missing");
    }
    List<YamlNode> nodes = ruleNode.list();
    if (nodes.size() > MAX_RULES) {
      throw ruleNode.wrong(nodes.size() + " (limit: " + MAX_RULES + ")");
    }
    List<Rule> rules = new ArrayList<>();
    for (YamlNode node : nodes) {
      rules.add(rule(node));
    }
    return Policy.of(rules);
  }

  private Rule rule(YamlNode node) throws WrongException {
    Map<String, YamlNode> keys = node.map(RULE_KEYS);
    Rule.Commands commands = commands(keys);
    return new Rule(
        name(required(node, keys, "name")),
        principals(required(node, keys, "principals")),
        commands,
        place(keys, commands),
        bounds(keys),
        new Rule.Quota(count(keys.get("jobs")), count(keys.get("starts_per_minute"))),
        reach(keys.get("observe")),
        reach(keys.get("control")),
        recorded(keys.get("record")));
  }

  private static YamlNode required(YamlNode rule, Map<String, YamlNode> keys, String key)
      throws WrongException {
    YamlNode node = keys.get(key);
    if (node == null) {
      throw rule.wrong(key + ": missing");
    }
    return node;
  }

  private String name(YamlNode node) throws WrongException {
    String name = node.text();
    if (!name.matches(RULE_NAME)) {
      throw node.wrong(name + " (expected: " + RULE_NAME + ")");
    }
    if (!names.add(name)) {
      throw node.wrong(name + " is the name of another rule");
    }
    return name;
  }

  private List<Glob> principals(YamlNode node) throws WrongException {
    List<Glob> globs = new ArrayList<>();
    for (YamlNode element : node.list()) {
      String text = element.text();
      if (!text.startsWith(GROUP)) {
        globs.add(glob(element, text));
        continue;
      }
      List<String> group = groups.get(text.substring(GROUP.length()));
      if (group == null) {
        throw element.wrong(text + " (known groups: " + String.join(", ", groups.keySet()) + ")");
      }
      for (String member : group) {
        globs.add(glob(element, member));
      }
    }
    return globs;
  }

  private static Rule.Commands commands(Map<String, YamlNode> keys) throws WrongException {
    YamlNode commands = keys.get("commands");
    YamlNode shell = keys.get("shell");
    YamlNode force = keys.get("force");
    if (force != null) {
      if (commands != null || shell != null) {
        throw force.wrong("given beside commands or shell");
      }
      return new Rule.Commands(List.of(), forced(force));
    }
    List<ArgvPattern> patterns = new ArrayList<>();
    if (commands != null) {
      for (YamlNode pattern : commands.list()) {
        patterns.add(pattern(pattern));
      }
    }
    if (shell != null && shell.flag()) {
      patterns.add(ArgvPattern.parse(List.of("/bin/sh", "-c", "*")));
    }
    return new Rule.Commands(List.copyOf(patterns), null);
  }

  private static ArgvPattern pattern(YamlNode node) throws WrongException {
    return node.value(node.texts(), ArgvPattern::parse);
  }

  private static List<Argument> forced(YamlNode node) throws WrongException {
    List<Argument> argv = node.texts().stream().map(Argument::of).toList();
    if (argv.isEmpty()) {
      throw node.wrong("(expected: a program, and its arguments)");
    }
    return argv;
  }

  private static Rule.Place place(Map<String, YamlNode> keys, Rule.Commands commands)
      throws WrongException {
    return new Rule.Place(
        globs(keys.get("users")),
        roots(keys.get("cwd")),
        env(keys.get("env"), commands),
        envFrom(keys.get("env_from")),
        leftovers(keys.get("leftovers")),
        terminals(keys.get("pty"), commands));
  }

  // What any command can be made to do by its environment nobody knows.
  private static List<Glob> env(@Nullable YamlNode node, Rule.Commands commands)
      throws WrongException {
    List<Glob> names = globs(node);
    if (node != null && names.stream().anyMatch(Glob::fitsAll) && !commands.hasShell()) {
      throw node.wrong(
          "* (expected: names, or such as APP_*; * only where a shell or any command is allowed)");
    }
    return names;
  }

  private static Rule.Terminals terminals(@Nullable YamlNode node, Rule.Commands commands)
      throws WrongException {
    return (node == null ? commands.hasShell() : node.flag())
        ? Rule.Terminals.ALLOWED
        : Rule.Terminals.REFUSED;
  }

  private static List<String> roots(@Nullable YamlNode node) throws WrongException {
    List<String> roots = new ArrayList<>();
    if (node != null) {
      for (YamlNode element : node.list()) {
        roots.add(absolute(element));
      }
    }
    return roots;
  }

  private static String absolute(YamlNode node) throws WrongException {
    if (!node.text().startsWith("/")) {
      throw node.wrong(node.text() + " (expected: an absolute path)");
    }
    return node.text();
  }

  private static Map<String, String> envFrom(@Nullable YamlNode node) throws WrongException {
    Map<String, String> files = new LinkedHashMap<>();
    if (node != null) {
      for (Map.Entry<String, YamlNode> entry : node.map().entrySet()) {
        if (entry.getKey().isEmpty() || entry.getKey().indexOf('=') >= 0) {
          throw entry.getValue().wrong("(expected: a name without =)");
        }
        files.put(entry.getKey(), absolute(entry.getValue()));
      }
    }
    return files;
  }

  private static JobSpec.Leftovers leftovers(@Nullable YamlNode node) throws WrongException {
    return node == null ? JobSpec.Leftovers.KILL : node.choice(JobSpec.Leftovers.class);
  }

  private static Map<LimitKey, Range> bounds(Map<String, YamlNode> keys) throws WrongException {
    YamlNode limits = keys.get("limits");
    Map<String, YamlNode> ofLimits = limits == null ? Map.of() : limits.map(limitKeys());
    Map<LimitKey, Range> bounds = new EnumMap<>(LimitKey.class);
    for (LimitKey bound : LimitKey.values()) {
      YamlNode node = (bound.isOfLimits() ? ofLimits : keys).get(bound.key());
      if (node != null) {
        bounds.put(bound, range(node, bound));
      }
    }
    return bounds;
  }

  private static List<String> limitKeys() {
    return Arrays.stream(LimitKey.values())
        .filter(LimitKey::isOfLimits)
        .map(LimitKey::key)
        .toList();
  }

  private static Range range(YamlNode node, LimitKey bound) throws WrongException {
    Map<String, YamlNode> ends = node.map(Set.of("min", "max"));
    YamlNode min = ends.get("min");
    YamlNode max = ends.get("max");
    try {
      return new Range(
          min == null ? 0 : number(min, bound), max == null ? Range.UNLIMITED : max(max, bound));
    } catch (IllegalArgumentException e) {
      throw node.wrong(String.valueOf(e.getMessage()));
    }
  }

  private static long max(YamlNode node, LimitKey bound) throws WrongException {
    return bound == LimitKey.LINGER_MS && node.text().equals("forever")
        ? Range.UNLIMITED
        : number(node, bound);
  }

  private static long number(YamlNode node, LimitKey bound) throws WrongException {
    return node.value(text -> Limit.number(bound.key(), text));
  }

  private static OptionalInt count(@Nullable YamlNode node) throws WrongException {
    if (node == null) {
      return OptionalInt.empty();
    }
    long number = node.number();
    if (number < 1 || number > Integer.MAX_VALUE) {
      throw node.wrong(number + " (expected: from 1 to " + Integer.MAX_VALUE + ")");
    }
    return OptionalInt.of((int) number);
  }

  private static JobScope reach(@Nullable YamlNode node) throws WrongException {
    return node == null ? JobScope.OWN : node.choice(JobScope.class);
  }

  private static @Nullable RecordingScope recorded(@Nullable YamlNode node) throws WrongException {
    return node == null ? null : node.choice(RecordingScope.class);
  }

  private static List<Glob> globs(@Nullable YamlNode node) throws WrongException {
    List<Glob> globs = new ArrayList<>();
    if (node != null) {
      for (YamlNode element : node.list()) {
        globs.add(glob(element, element.text()));
      }
    }
    return globs;
  }

  private static Glob glob(YamlNode node, String text) throws WrongException {
    return node.value(text, Glob::parse);
  }
}
