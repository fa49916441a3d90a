package dev.runnel.fanout;

import dev.runnel.cli.CliContext;
import dev.runnel.cli.FanOutOrder;
import dev.runnel.cli.NodeEnd;
import dev.runnel.model.Stream;
import java.security.MessageDigest;
import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What becomes of one node's output. On the fleet's event loop. */
final class NodeOutput {
  /** Of ANSI's colors those that are read well on black and on white. */
  private static final int[] COLORS = {31, 32, 33, 34, 35, 36};

  private final String node;
  private final Maker maker;
  private final Map<Stream, LineSplitter> lines = new EnumMap<>(Stream.class);
  private final Map<Stream, MessageDigest> digests = new EnumMap<>(Stream.class);

  /**
   * Makes those of all nodes.
   *
   * @param files null: there are none
   * @param folding null: output is not folded
   */
  record Maker(
      FanOutOrder.Look look,
      CliContext context,
      Printer printer,
      @Nullable NodeFiles files,
      @Nullable Folding folding) {
    NodeOutput of(String node) {
      return new NodeOutput(node, this);
    }
  }

  private NodeOutput(String node, Maker maker) {
    this.node = node;
    this.maker = maker;
    for (Stream stream : Stream.values()) {
      if (maker.look().form() == FanOutOrder.Form.LINES) {
        lines.put(stream, new LineSplitter(prefix(stream), maker.look().pieceBytes()));
      }
      if (maker.folding() != null) {
        digests.put(stream, Folding.digest());
      }
    }
  }

  private String prefix(Stream stream) {
    CliContext context = maker.context();
    String off = context.env().get("NO_COLOR");
    boolean isPlain = off != null && !off.isEmpty();
    var to = stream == Stream.STDOUT ? context.out() : context.err();
    if (isPlain || !to.isTerminal()) {
      return node + ": ";
    }
    int color = COLORS[Math.floorMod(node.hashCode(), COLORS.length)];
    return "\033[" + color + "m" + node + ":\033[0m ";
  }

  /** Its command is going to run: there are files, though they be empty. */
  void begin() {
    if (maker.files() != null && maker.files().isKept()) {
      take(Stream.STDOUT, new byte[0]);
      take(Stream.STDERR, new byte[0]);
    }
  }

  void take(Stream stream, byte[] bytes) {
    if (maker.files() != null) {
      maker.printer().append(maker.files().of(node, stream), bytes);
    }
    MessageDigest digest = digests.get(stream);
    if (digest != null) {
      digest.update(bytes);
    }
    LineSplitter splitter = lines.get(stream);
    if (splitter != null) {
      print(stream, splitter.take(bytes));
    }
  }

  /** There is no more. */
  void end(NodeEnd end) {
    lines.forEach((stream, splitter) -> print(stream, splitter.end()));
    MessageDigest out = digests.get(Stream.STDOUT);
    MessageDigest err = digests.get(Stream.STDERR);
    if (maker.folding() != null && out != null && err != null) {
      maker.folding().add(end, out, err);
    }
  }

  private void print(Stream stream, byte[] text) {
    if (text.length > 0) {
      maker.printer().print(stream, text);
    }
  }
}
