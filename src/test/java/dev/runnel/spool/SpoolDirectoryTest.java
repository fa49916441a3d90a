package dev.runnel.spool;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import dev.runnel.model.JobId;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SpoolDirectoryTest {
  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path folder;

  @Test
  void isForItsOwnerAlone() throws IOException {
    Path root = folder.resolve("state").resolve("runnel");
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      assertEquals("rwx------", permissions(root));
      assertEquals("rwx------", permissions(file.folder()));
      assertEquals("rw-------", permissions(file.path()));
      file.close();
    }
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void isOfOneServerAtATime() throws IOException {
    try (SpoolDirectory _ = SpoolDirectory.open(folder, 1 << 20)) {
      IOException refused =
          assertThrows(IOException.class, () -> SpoolDirectory.open(folder, 1 << 20).close());
      assertEquals("another server uses it", refused.getMessage());
    }
    SpoolDirectory.open(folder, 1 << 20).close();
  }

  @Test
  void isLockedAnewWhenItsLockIsRemoved() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      Files.delete(folder.resolve(".lock"));
      spools.keep();
      assertThrows(IOException.class, () -> SpoolDirectory.open(folder, 1 << 20).close());
    }
    SpoolDirectory.open(folder, 1 << 20).close();
  }

  @Test
  void takesNoMoreJobsOnceAnotherServerHasIt() throws Exception {
    Tool.require("python3", "SpoolDirectoryTest.takesNoMoreJobsOnceAnotherServerHasIt");
    Path lock = folder.resolve(".lock");
    String other =
        "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.lockf(f, fcntl.LOCK_EX);"
            + " print(flush=True); sys.stdin.read()";
    try (SpoolDirectory first = SpoolDirectory.open(folder, 1 << 20)) {
      Files.delete(lock);
      Process holder = new ProcessBuilder("python3", "-c", other, lock.toString()).start();
      assertEquals('\n', holder.getInputStream().read());
      assertThrows(IOException.class, first::keep);
      assertThrows(IOException.class, () -> Spooled.file(first, 1 << 20));
      holder.destroyForcibly().waitFor();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "A", "aA", "0..", "a.b_c-D", "Zz", "a..b"})
  void namesAFolderForEveryJob(String id) {
    String name = FolderName.of(new JobId(id));
    assertEquals(new JobId(id), FolderName.job(name));
    assertEquals(name, name.toLowerCase(Locale.ROOT));
    assertTrue(name.matches("[a-z0-9=][a-z0-9._=-]*"), name);
  }

  @Test
  void namesTwoFoldersForTwoJobs() {
    List<String> ids = List.of("ab", "aB", "Ab", "AB");
    assertEquals(
        4,
        ids.stream()
            .map(id -> FolderName.of(new JobId(id)).toLowerCase(Locale.ROOT))
            .distinct()
            .count());
    assertNotEquals(FolderName.of(new JobId("A")), FolderName.of(new JobId("a")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "..",
        ".",
        "",
        "=",
        "==",
        "==a",
        "a=",
        "=1",
        "A",
        "a/b",
        ".lock",
        "-a",
        "lost+found"
      })
  void takesNoOtherNameForAJobs(String name) {
    assertNull(FolderName.job(name));
  }

  @Test
  void leavesAloneWhatIsNotItsOwn() throws IOException {
    Path alien = Files.createDirectory(folder.resolve("lost+found"));
    Path note = Files.writeString(folder.resolve("note"), "not a folder");
    Path link = Files.createSymbolicLink(folder.resolve("b"), alien);
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      assertEquals(List.of(), spools.recover());
    }
    assertTrue(Files.isDirectory(alien) && Files.exists(note) && Files.isSymbolicLink(link));
  }

  @Test
  void setsAsideWhatItDoesNotUnderstand() throws IOException {
    Path bad = Files.createDirectory(folder.resolve("a"));
    Files.writeString(bad.resolve(JobFile.NAME), "something else altogether, and not short");
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      assertEquals(List.of(), spools.recover());
      assertEquals(List.of("==a"), names("==a"));
      assertEquals(0, spools.usedBytes());
      Spooled.file(spools, 1 << 20).close();
    }
  }

  @Test
  void setsAsideAFileOfAnotherJob() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      Spooled.file(spools, 1 << 20).close();
    }
    Files.move(folder.resolve("a"), folder.resolve("b"));
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      assertEquals(List.of(), spools.recover());
      assertEquals(List.of("==b"), names("==b"));
      assertEquals(0, spools.usedBytes());
    }
  }

  private List<String> names(String prefix) throws IOException {
    try (Stream<Path> all = Files.list(folder)) {
      return all.map(path -> path.getFileName().toString())
          .filter(name -> name.startsWith(prefix))
          .map(name -> name.substring(0, name.lastIndexOf('-')))
          .toList();
    }
  }

  @Test
  void countsWhatAllTakeUp() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1_000)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      assertEquals(Files.size(file.path()), spools.usedBytes());
      // An eighth is kept for others.
      assertEquals(875 - spools.usedBytes() - RecordHeader.BYTES, file.room(0));
      file.close();
    }
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1_000)) {
      RecoveredJob found = spools.recover().getFirst();
      assertEquals(Files.size(found.file().path()), spools.usedBytes());
      spools.delete(found.file());
      assertEquals(0, spools.usedBytes());
      assertEquals(List.of(), names("a"));
    }
  }

  @Test
  void makesANewFileForANameThatIsFreeAgain() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(folder, 1 << 20)) {
      JobFile old = Spooled.file(spools, 1 << 20);
      JobFile fresh = Spooled.file(spools, 1 << 20);
      spools.delete(old);
      assertTrue(Files.exists(fresh.path()));
      assertEquals(Files.size(fresh.path()), spools.usedBytes());
      fresh.close();
    }
  }
}
