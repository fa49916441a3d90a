package dev.runnel.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
class RuntimeFolderTest {
  @TempDir Path folder = Path.of("");

  private static void allow(Path path, String permissions) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
  }

  @Test
  void isWhereTheSystemSays() {
    assertEquals(
        Path.of("/run/user/7/runnel/runneld.sock"),
        RuntimeFolder.defaultSocket(Map.of("XDG_RUNTIME_DIR", "/run/user/7")));
    // Neither nothing nor something that depends on where we are is a folder.
    Path usual = RuntimeFolder.defaultSocket(Map.of());
    assertEquals(usual, RuntimeFolder.defaultSocket(Map.of("XDG_RUNTIME_DIR", "")));
    assertEquals(usual, RuntimeFolder.defaultSocket(Map.of("XDG_RUNTIME_DIR", "here")));
    assertTrue(usual.isAbsolute());
  }

  @Test
  void isMadeForItsUserAlone() throws Exception {
    Path socket = folder.resolve("new/runnel/runneld.sock");
    assertFalse(RuntimeFolder.isOurs(socket));
    RuntimeFolder.create(socket);
    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("new/runnel"))));
    assertTrue(RuntimeFolder.isOurs(socket));
    allow(folder.resolve("new/runnel"), "rwxrwxrwx");
    RuntimeFolder.create(socket);
    assertTrue(RuntimeFolder.isOurs(socket));
  }

  @Test
  void isNotTrustedWhereOthersMayWrite() throws Exception {
    Path socket = folder.resolve("runneld.sock");
    allow(folder, "rwxr-xr-x");
    assertTrue(RuntimeFolder.isOurs(socket));
    allow(folder, "rwxrwxr-x");
    assertFalse(RuntimeFolder.isOurs(socket));
    allow(folder, "rwxr-xrwx");
    assertFalse(RuntimeFolder.isOurs(socket));
  }

  @Test
  void mayBeALinkOfOurs() throws Exception {
    Path real = Files.createDirectory(folder.resolve("real"));
    Path socket = Files.createSymbolicLink(folder.resolve("link"), real).resolve("runneld.sock");
    RuntimeFolder.create(socket);
    assertTrue(RuntimeFolder.isOurs(socket));
    allow(real, "rwxrwxrwx");
    assertFalse(RuntimeFolder.isOurs(socket));
  }
}
