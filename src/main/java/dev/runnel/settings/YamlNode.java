package dev.runnel.settings;

import java.io.StringReader;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * A piece of a YAML file that is read strictly, every mistake with its line. Scalars are taken as
 * they are written: {@code no} and {@code 0x10} are text. No anchors, no tags. For one thread.
 */
final class YamlNode {
  private static final int MAX_CHARACTERS = 1 << 20;
  private static final int MAX_DEPTH = 16;
  private static final String STANDARD_TAGS = "tag:yaml.org,2002:";

  private final String path;
  private final Node node;

  private YamlNode(String path, Node node) {
    this.path = path;
    this.node = node;
  }

  /** A mistake in the file. Has no stack trace: it is its writer's. */
  static final class WrongException extends Exception {
    private static final long serialVersionUID = 1;
    private final int line;

    WrongException(int line, String message) {
      super(message, null, false, false);
      this.line = line;
    }

    /** The first is 1; 0: it has none. */
    int line() {
      return line;
    }
  }

  /** What the text is, or null if there is nothing in it. */
  static @Nullable YamlNode parse(String text) throws WrongException {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(MAX_CHARACTERS);
    options.setNestingDepthLimit(MAX_DEPTH);
    try {
      Node root = new Yaml(options).compose(new StringReader(text));
      return root == null ? null : new YamlNode("", root);
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
      throw new WrongException(line, String.valueOf(e.getProblem()));
    } catch (YAMLException e) {
      throw new WrongException(0, String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }

  int line() {
    return node.getStartMark().getLine() + 1;
  }

  /** That this is not what it should be. */
  WrongException wrong(String what) {
    return new WrongException(line(), (path.isEmpty() ? "" : path + ": ") + what);
  }

  /** The entries of a mapping with these keys and no others. */
  Map<String, YamlNode> map(Collection<String> known) throws WrongException {
    Map<String, YamlNode> entries = map();
    for (Map.Entry<String, YamlNode> entry : entries.entrySet()) {
      if (!known.contains(entry.getKey())) {
        String all = String.join(", ", known.stream().sorted().toList());
        throw entry.getValue().wrong("unknown key (known: " + all + ")");
      }
    }
    return entries;
  }

  /** The entries of a mapping with any keys, each at most once. */
  Map<String, YamlNode> map() throws WrongException {
    if (!(plain() instanceof MappingNode mapping)) {
      throw wrong("(expected: keys and values)");
    }
    Map<String, YamlNode> entries = new LinkedHashMap<>();
    for (NodeTuple tuple : mapping.getValue()) {
      String key = new YamlNode(path, tuple.getKeyNode()).text();
      String name = path.isEmpty() ? key : path + "." + key;
      if (entries.put(key, new YamlNode(name, tuple.getValueNode())) != null) {
        throw new YamlNode(name, tuple.getKeyNode()).wrong("given twice");
      }
    }
    return entries;
  }

  List<YamlNode> list() throws WrongException {
    if (!(plain() instanceof SequenceNode sequence)) {
      throw wrong("(expected: a list)");
    }
    List<YamlNode> elements = new ArrayList<>();
    for (Node element : sequence.getValue()) {
      elements.add(new YamlNode(path, element));
    }
    return elements;
  }

  List<String> texts() throws WrongException {
    List<String> texts = new ArrayList<>();
    for (YamlNode element : list()) {
      texts.add(element.text());
    }
    return texts;
  }

  String text() throws WrongException {
    if (!(plain() instanceof ScalarNode scalar) || scalar.getTag().equals(Tag.NULL)) {
      throw wrong("(expected: a text)");
    }
    if (scalar.getValue().indexOf('\0') >= 0) {
      throw wrong("NUL in a text");
    }
    return scalar.getValue();
  }

  boolean flag() throws WrongException {
    return switch (text()) {
      case "true" -> true;
      case "false" -> false;
      default -> throw wrong("(expected: true or false)");
    };
  }

  long number() throws WrongException {
    String text = text();
    try {
      if (text.matches("0|[1-9][0-9]*")) {
        return Long.parseLong(text);
      }
    } catch (NumberFormatException _) {
      // Too long; said below.
    }
    throw wrong(text + " (expected: a whole number)");
  }

  // An anchor could make a small file a large tree.
  private Node plain() throws WrongException {
    if (node.getAnchor() != null) {
      throw wrong("an anchor (expected: none)");
    }
    if (!node.getTag().getValue().startsWith(STANDARD_TAGS)) {
      throw wrong("the tag " + node.getTag() + " (expected: none)");
    }
    return node;
  }
}
