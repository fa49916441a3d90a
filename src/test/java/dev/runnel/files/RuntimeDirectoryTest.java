package dev.runnel.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@NullMarked
@Tag("also-root")
class RuntimeDirectoryTest {
  @TempDir Path folder = Path.of("");

  private static void allow(Path path, String permissions) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(permissions));
  }

  private static Path defaultSocket(String runtimeDir) {
    return RuntimeDirectory.defaultSocket(Map.of("XDG_RUNTIME_DIR", runtimeDir));
  }

  @Test
  void isWhereTheSystemSays() {
    assertEquals(folder.resolve("runnel/runneld.sock"), defaultSocket("" + folder));
    assertEquals(folder.resolve("new/runnel/runneld.sock"), defaultSocket(folder + "/new"));
    // Neither nothing nor something that depends on where we are is a folder.
    Path usual = RuntimeDirectory.defaultSocket(Map.of());
    assertEquals(usual, defaultSocket(""));
    assertEquals(usual, defaultSocket("here"));
    assertTrue(usual.isAbsolute());
  }

  @Test
  void isElsewhereWhereTheSystemsFolderIsOfNoUse() throws Exception {
    Path usual = RuntimeDirectory.defaultSocket(Map.of());
    assertEquals(usual, defaultSocket("/dev/null/none"));
    assertEquals(usual, defaultSocket(Files.createFile(folder.resolve("file")).toString()));
    Path taken = Files.createDirectory(folder.resolve("taken"));
    // A link of root's is not a folder of ours, and nothing that we could make one in place of.
    Files.createSymbolicLink(taken.resolve("runnel"), Path.of("/nonexistent"));
    if (CurrentUser.isRoot()) {
      Files.setAttribute(taken.resolve("runnel"), "unix:uid", 54321, LinkOption.NOFOLLOW_LINKS);
      assertEquals(usual, defaultSocket("" + taken));
      Path another = Files.createDirectory(folder.resolve("another"));
      Files.setAttribute(another, "unix:uid", 54321);
      assertEquals(usual, defaultSocket("" + another));
    }
  }

  @Test
  void isLookedForWhereverItMayBe() {
    String uid = CurrentUser.number();
    List<Path> all =
        Stream.of("/run/user/" + uid + "/runnel", "/run/runnel", "/tmp/runnel-" + uid)
            .map(it -> Path.of(it, "runneld.sock"))
            .toList();
    Path usual = RuntimeDirectory.defaultSocket(Map.of());
    assertEquals(usual, RuntimeDirectory.possibleSockets(Map.of()).getFirst());
    assertEquals(Set.copyOf(all), Set.copyOf(RuntimeDirectory.possibleSockets(Map.of())));
    Map<String, String> useless = Map.of("XDG_RUNTIME_DIR", "/dev/null/none");
    assertTrue(RuntimeDirectory.possibleSockets(useless).containsAll(all));
    Map<String, String> chosen = Map.of("XDG_RUNTIME_DIR", "" + folder);
    assertEquals(List.of(defaultSocket("" + folder)), RuntimeDirectory.possibleSockets(chosen));
  }

  @Test
  void isMadeForItsUserAlone() throws Exception {
    Path socket = folder.resolve("new/runnel/runneld.sock");
    assertFalse(RuntimeDirectory.isOurs(socket));
    RuntimeDirectory.create(socket);
    assertEquals(
        "rwx------",
        PosixFilePermissions.toString(Files.getPosixFilePermissions(folder.resolve("new/runnel"))));
    assertTrue(RuntimeDirectory.isOurs(socket));
    allow(folder.resolve("new/runnel"), "rwxrwxrwx");
    RuntimeDirectory.create(socket);
    assertTrue(RuntimeDirectory.isOurs(socket));
  }

  @Test
  void isNotTrustedWhereOthersMayWrite() throws Exception {
    Path socket = folder.resolve("runneld.sock");
    allow(folder, "rwxr-xr-x");
    assertTrue(RuntimeDirectory.isOurs(socket));
    allow(folder, "rwxrwxr-x");
    assertFalse(RuntimeDirectory.isOurs(socket));
    allow(folder, "rwxr-xrwx");
    assertFalse(RuntimeDirectory.isOurs(socket));
  }

  @Test
  void mayBeALinkOfOurs() throws Exception {
    Path real = Files.createDirectory(folder.resolve("real"));
    Path socket = Files.createSymbolicLink(folder.resolve("link"), real).resolve("runneld.sock");
    RuntimeDirectory.create(socket);
    assertTrue(RuntimeDirectory.isOurs(socket));
    allow(real, "rwxrwxrwx");
    assertFalse(RuntimeDirectory.isOurs(socket));
  }
}
