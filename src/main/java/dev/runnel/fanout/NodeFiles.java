package dev.runnel.fanout;

import dev.runnel.cli.Failure;
import dev.runnel.model.SafeText;
import dev.runnel.model.Stream;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A file for each node and stream: in a folder of the user's, or in one of ours until all is
 * printed. Made and deleted on the main thread.
 */
final class NodeFiles implements AutoCloseable {
  private final Path folder;
  private final Kind kind;

  private enum Kind {
    /** They are what was asked for. */
    KEPT,
    TEMPORARY
  }

  private NodeFiles(Path folder, Kind kind) {
    this.folder = folder;
    this.kind = kind;
  }

  /** In that folder; what an earlier run left of these nodes is deleted. */
  static NodeFiles in(Path folder, List<String> nodes) throws Failure {
    NodeFiles files = new NodeFiles(folder, Kind.KEPT);
    Set<Path> all = new HashSet<>();
    try {
      for (String node : nodes) {
        for (Stream stream : Stream.values()) {
          Path file = files.of(node, stream);
          if (!all.add(file)) {
            throw Failure.of("--out: " + file + " would be the file of two nodes");
          }
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw Failure.of("--out: cannot write to " + folder + ": " + e);
    }
    return files;
  }

  /** In a folder that only we may read, until it is closed. */
  static NodeFiles temporary() throws Failure {
    try {
      return new NodeFiles(Files.createTempDirectory("runnel-exec-"), Kind.TEMPORARY);
    } catch (IOException e) {
      throw Failure.of("--fold: cannot make a folder for output: " + e);
    }
  }

  /** A node's name may be a path, or nothing that a file may be called. */
  Path of(String node, Stream stream) {
    String name = SafeText.oneLine(node).replace('/', '_').replace('\0', '_');
    String end = stream == Stream.STDOUT ? ".out" : ".err";
    return folder.resolve(name + end);
  }

  boolean isKept() {
    return kind == Kind.KEPT;
  }

  @Override
  public void close() {
    if (kind == Kind.KEPT) {
      return;
    }
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder)) {
      for (Path file : files) {
        Files.deleteIfExists(file);
      }
      Files.deleteIfExists(folder);
    } catch (IOException _) {
      // It is in the folder for such files, and says whose it is.
    }
  }
}
