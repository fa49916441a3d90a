package dev.runnel.daemon;

import dev.runnel.cli.Reasons;
import dev.runnel.files.RuntimeDirectory;
import dev.runnel.settings.SettingsException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;

/**
 * The file of a listening Unix socket, open to its owner alone from the first moment: it is bound
 * in a folder that nobody else may enter, and moved to its place once its mode is right. unix(7).
 */
final class UnixSocket {
  private final Path path;
  private final Path folder;
  private final Path bound;

  private UnixSocket(Path path, Path folder) {
    this.path = path;
    this.folder = folder;
    this.bound = folder.resolve("s");
  }

  /** Makes sure that nobody listens there, and a place to bind. */
  static UnixSocket prepare(String text) throws SettingsException {
    Path path = Path.of(text);
    try {
      if (path.equals(RuntimeDirectory.defaultSocket())) {
        RuntimeDirectory.create(path);
      }
      if (Files.exists(path, LinkOption.NOFOLLOW_LINKS) && isAnswering(path)) {
        throw SettingsException.config("cannot listen on unix:" + path + ": already in use");
      }
      Path parent = path.toAbsolutePath().getParent();
      return new UnixSocket(path, Files.createTempDirectory(parent, ".r"));
    } catch (IOException e) {
      throw SettingsException.config("cannot listen on unix:" + path + ": " + Reasons.of(e));
    }
  }

  /** Where to bind. */
  String bindPath() {
    return bound.toString();
  }

  /** Moves the bound socket to its place. */
  void publish() throws IOException {
    Files.setPosixFilePermissions(bound, PosixFilePermissions.fromString("rw-------"));
    Files.move(bound, path, StandardCopyOption.ATOMIC_MOVE);
    Files.delete(folder);
  }

  void delete() {
    try {
      Files.deleteIfExists(path);
      Files.deleteIfExists(bound);
      Files.deleteIfExists(folder);
    } catch (IOException _) {
      // Somebody else's by now, or the folder is gone with it: the next start looks again.
    }
  }

  private static boolean isAnswering(Path path) throws IOException, SettingsException {
    if (Files.isRegularFile(path) || Files.isDirectory(path)) {
      throw SettingsException.config("cannot listen on unix:" + path + ": not a socket");
    }
    try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(path))) {
      return channel.isConnected();
    } catch (java.net.ConnectException _) {
      return false;
    }
  }
}
