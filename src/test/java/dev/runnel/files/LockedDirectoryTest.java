package dev.runnel.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A folder has one server, whoever asks for it, and from where. */
@NullMarked
class LockedDirectoryTest {
  @TempDir Path folder = Path.of("");

  private static String fromAnotherProcess(Path path) throws IOException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                Opening.class.getName(),
                path.toString())
            .redirectErrorStream(true)
            .start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
  }

  @Test
  void oneThatIsRefusedTakesNobodysLock() throws Exception {
    Path path = folder.resolve("own");
    Path otherName = folder.resolve("link");
    try (LockedDirectory _ = LockedDirectory.open(path)) {
      Files.createSymbolicLink(otherName, path);
      assertEquals("another server uses it", fromAnotherProcess(path));
      for (Path name : new Path[] {path, otherName}) {
        IOException refused = assertThrows(IOException.class, () -> LockedDirectory.open(name));
        assertEquals("another server uses it", refused.getMessage());
      }
      assertEquals("another server uses it", fromAnotherProcess(path));
    }
    assertEquals("opened", fromAnotherProcess(path));
    LockedDirectory.open(otherName).close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"rwxrwxrwx", "rwxrwx---", "rwx----w-"})
  void oneThatOthersMayWriteInIsRefused(String mode) throws Exception {
    Path path = Files.createDirectory(folder.resolve("own"));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString(mode));
    IOException refused = assertThrows(IOException.class, () -> LockedDirectory.open(path));
    assertTrue(refused.toString().contains(": others may write in it: mode "), refused::toString);
    assertFalse(Files.exists(path.resolve(".lock")));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    LockedDirectory.open(path).close();
  }

  @Test
  @Tag("root")
  void anothersIsRefused() throws Exception {
    Tool.requireRoot("LockedDirectoryTest.anothersIsRefused");
    Path path = Files.createDirectory(folder.resolve("own"));
    Files.setAttribute(path, "unix:uid", 12_345);
    IOException refused = assertThrows(IOException.class, () -> LockedDirectory.open(path));
    assertEquals("belongs to 12345 (expected: the user with number 0)", refused.getMessage());
  }

  @Test
  void noFileIsMadeWhereALinkPoints() throws Exception {
    Path path = Files.createDirectory(folder.resolve("own"));
    Path elsewhere = folder.resolve("elsewhere");
    Files.createSymbolicLink(path.resolve(".lock"), elsewhere);
    assertThrows(IOException.class, () -> LockedDirectory.open(path));
    assertFalse(Files.exists(elsewhere));
  }

  @Test
  void oneThatCouldNotBeOpenedCanBeLater() throws Exception {
    Path path = Files.createDirectory(folder.resolve("own"));
    Path lock = Files.createDirectory(path.resolve(".lock"));
    assertThrows(IOException.class, () -> LockedDirectory.open(path));
    Files.delete(lock);
    LockedDirectory.open(path).close();
  }

  /** Opens the folder that it is told. */
  static final class Opening {
    private Opening() {}

    public static void main(String[] args) {
      try (LockedDirectory _ = LockedDirectory.open(Path.of(args[0]))) {
        System.out.println("opened");
      } catch (IOException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
