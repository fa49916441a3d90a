package dev.runnel.daemon;

import dev.runnel.files.RuntimeDirectory;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.util.HexFormat;

/**
 * By what nodes of one user on one machine know each other, where there is no TLS: a secret in a
 * file that only this user reads. Who is first makes it. Blocks.
 */
final class ClusterSecret {
  private static final int BYTES = 32;

  private ClusterSecret() {}

  static String of(String cluster) throws IOException {
    Path socket = RuntimeDirectory.defaultSocket();
    RuntimeDirectory.create(socket);
    Path file = socket.resolveSibling("cluster-" + cluster + ".secret");
    if (!Files.exists(file)) {
      make(file);
    }
    String secret = Files.readString(file, StandardCharsets.US_ASCII).strip();
    if (!secret.matches("[0-9a-f]{" + 2 * BYTES + "}")) {
      throw new IOException(file + " is damaged: remove it");
    }
    return secret;
  }

  // Whole from the first moment on: a link is made, or there is one already.
  private static void make(Path file) throws IOException {
    byte[] random = new byte[BYTES];
    new SecureRandom().nextBytes(random);
    Path made =
        Files.createTempFile(
            file.toAbsolutePath().getParent(),
            "secret",
            "",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    try {
      Files.writeString(made, HexFormat.of().formatHex(random), StandardCharsets.US_ASCII);
      Files.createLink(file, made);
    } catch (FileAlreadyExistsException _) {
      // Another node's, which is as good.
    } finally {
      Files.deleteIfExists(made);
    }
  }
}
