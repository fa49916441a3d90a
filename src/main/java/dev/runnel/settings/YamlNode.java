package dev.runnel.settings;

import dev.runnel.cli.Reasons;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.composer.Composer;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;
import org.yaml.snakeyaml.parser.ParserImpl;
import org.yaml.snakeyaml.reader.StreamReader;
import org.yaml.snakeyaml.resolver.Resolver;

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
  private final int line;

  private YamlNode(String path, Node node, int line) {
    this.path = path;
    this.node = node;
    this.line = line;
  }

  private static int line(Node node) {
    return node.getStartMark().getLine() + 1;
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

  /** What a file is read as. */
  interface Reader<T> {
    T read(@Nullable YamlNode root) throws WrongException;
  }

  /** Reads a file; blocks. A mistake in it is told with the file's name and the line. */
  static <T> T read(Path file, Reader<T> reader) throws SettingsException {
    try {
      return read(file, Files.readString(file), reader);
    } catch (IOException e) {
      throw SettingsException.config("cannot read " + file + ": " + Reasons.of(e));
    }
  }

  /** The same of the file's text. */
  static <T> T read(Path file, String text, Reader<T> reader) throws SettingsException {
    try {
      return reader.read(parse(text));
    } catch (WrongException e) {
      String line = e.line() > 0 ? ":" + e.line() : "";
      throw SettingsException.config(file + line + ": " + e.getMessage());
    }
  }

  /** What the text is, or null if there is nothing in it. */
  static @Nullable YamlNode parse(String text) throws WrongException {
    LoaderOptions options = new LoaderOptions();
    options.setCodePointLimit(MAX_CHARACTERS);
    options.setNestingDepthLimit(MAX_DEPTH);
    try {
      // Not by class Yaml, which needs java.desktop for beans that it could make of it.
      ParserImpl parser = new ParserImpl(new StreamReader(text), options);
      Node root = new Composer(parser, new Resolver(), options).getSingleNode();
      return root == null ? null : new YamlNode("", root, line(root));
    } catch (MarkedYAMLException e) {
      int line = e.getProblemMark() == null ? 0 : e.getProblemMark().getLine() + 1;
      throw new WrongException(line, String.valueOf(e.getProblem()));
    } catch (YAMLException e) {
      throw new WrongException(0, String.valueOf(e.getMessage()).lines().findFirst().orElse(""));
    }
  }

  /** Whether nothing stands there. */
  boolean isEmpty() {
    return node.getTag().equals(Tag.NULL);
  }

  /** That this is not what it should be. */
  WrongException wrong(String what) {
    return new WrongException(line, (path.isEmpty() ? "" : path + ": ") + what);
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
      int at = line(tuple.getKeyNode());
      String key = new YamlNode(path, tuple.getKeyNode(), at).text();
      String name = path.isEmpty() ? key : path + "." + key;
      YamlNode entry = new YamlNode(name, tuple.getValueNode(), at);
      if (entries.put(key, entry) != null) {
        throw entry.wrong("given twice");
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
      elements.add(new YamlNode(path, element, line(element)));
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
    return value(Setting::onOrOff);
  }

  /** The constant of an enum. */
  <E extends Enum<E>> E choice(Class<E> type) throws WrongException {
    return value(text -> Setting.choice(type, text));
  }

  long number() throws WrongException {
    return value(YamlNode::number);
  }

  private static long number(String text) {
    if (text.matches("0|[1-9][0-9]{0,17}")) {
      return Long.parseLong(text);
    }
    throw new IllegalArgumentException(text + " (expected: a whole number)");
  }

  /** What a text is read as, if it can be: else its IllegalArgumentException has the words. */
  <T> T value(Function<String, T> parser) throws WrongException {
    return value(text(), parser);
  }

  /** The same of what is here already. */
  <S, T> T value(S source, Function<S, T> parser) throws WrongException {
    try {
      return parser.apply(source);
    } catch (IllegalArgumentException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
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
