package dev.runnel.fanout;

import dev.runnel.cli.Failure;
import dev.runnel.cli.NodeEnd;
import dev.runnel.cli.NodeSet;
import dev.runnel.model.Stream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Nodes with the same output. That of the first of them is kept in files; of the others only their
 * digests are. On the fleet's event loop.
 */
final class Folding {
  private static final int PIECE_BYTES = 32 << 10;

  private final NodeFiles files;
  private final Printer printer;
  private final Map<String, List<String>> groups = new LinkedHashMap<>();

  Folding(NodeFiles files, Printer printer) {
    this.files = files;
    this.printer = printer;
  }

  static MessageDigest digest() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has it", e);
    }
  }

  /** That node's output came to its end, or will not come to it. */
  void add(NodeEnd end, MessageDigest out, MessageDigest err) {
    HexFormat hex = HexFormat.of();
    String whole = end.isEnd() ? "" : "cut";
    String key = hex.formatHex(out.digest()) + hex.formatHex(err.digest()) + whole;
    List<String> group = groups.computeIfAbsent(key, _ -> new ArrayList<>());
    group.add(end.node());
    if (group.size() > 1 && !files.isKept()) {
      for (Stream stream : Stream.values()) {
        Path file = files.of(end.node(), stream);
        printer.add(0, () -> Files.deleteIfExists(file));
      }
    }
  }

  /** Prints each group that printed anything. */
  void print() {
    groups.forEach((key, nodes) -> printer.add(0, () -> print(nodes, key.endsWith("cut"))));
  }

  // On the printer's thread.
  private void print(List<String> nodes, boolean isCut) throws Failure, IOException {
    String first = nodes.getFirst();
    Path out = files.of(first, Stream.STDOUT);
    Path err = files.of(first, Stream.STDERR);
    if (isEmpty(out) && isEmpty(err)) {
      return;
    }
    String what =
        NodeSet.fold(nodes) + " (" + nodes.size() + ")" + (isCut ? ", not all of it" : "");
    printer.write(Stream.STDOUT, ("--- " + what + "\n").getBytes(StandardCharsets.UTF_8));
    copy(out, Stream.STDOUT);
    copy(err, Stream.STDERR);
  }

  private static boolean isEmpty(Path file) throws IOException {
    return !Files.exists(file) || Files.size(file) == 0;
  }

  private void copy(Path file, Stream stream) throws Failure, IOException {
    if (isEmpty(file)) {
      return;
    }
    byte last = '\n';
    try (InputStream in = Files.newInputStream(file)) {
      for (byte[] piece = in.readNBytes(PIECE_BYTES);
          piece.length > 0;
          piece = in.readNBytes(PIECE_BYTES)) {
        printer.write(stream, piece);
        last = piece[piece.length - 1];
      }
    }
    if (last != '\n') {
      printer.write(stream, new byte[] {'\n'});
    }
  }
}
