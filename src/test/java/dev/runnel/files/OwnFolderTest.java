package dev.runnel.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A folder has one server, whoever asks for it, and from where. */
@NullMarked
class OwnFolderTest {
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
    try (OwnFolder _ = OwnFolder.open(path)) {
      Files.createSymbolicLink(otherName, path);
      assertEquals("another server uses it", fromAnotherProcess(path));
      for (Path name : new Path[] {path, otherName}) {
        IOException refused = assertThrows(IOException.class, () -> OwnFolder.open(name));
        assertEquals("another server uses it", refused.getMessage());
      }
      assertEquals("another server uses it", fromAnotherProcess(path));
    }
    assertEquals("opened", fromAnotherProcess(path));
    OwnFolder.open(otherName).close();
  }

  @Test
  void oneThatCouldNotBeOpenedCanBeLater() throws Exception {
    Path path = Files.createDirectory(folder.resolve("own"));
    Path lock = Files.createDirectory(path.resolve(".lock"));
    assertThrows(IOException.class, () -> OwnFolder.open(path));
    Files.delete(lock);
    OwnFolder.open(path).close();
  }

  /** Opens the folder that it is told. */
  static final class Opening {
    private Opening() {}

    public static void main(String[] args) {
      try (OwnFolder _ = OwnFolder.open(Path.of(args[0]))) {
        System.out.println("opened");
      } catch (IOException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
