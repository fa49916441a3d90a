package dev.runnel.settings;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Objects;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where output on disk goes: nobody else may have a say in it. */
@NullMarked
class StateDirectoryTest {
  @TempDir Path folder = Path.of("");

  @Test
  void oneThatOthersMayWriteInIsRefused() throws Exception {
    Path path = Files.createDirectory(folder.resolve("state"));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxrwxrwx"));
    SettingsException refusal =
        assertThrows(
            SettingsException.class,
            () -> new StateDirectory(path, StateDirectory.Wish.NAMED).open(1 << 20));
    assertEquals(
        "--state-dir "
            + path
            + ": others may write in it: mode 777 (expected: 700; chmod go-w "
            + path.toRealPath()
            + ")",
        refusal.getMessage());
    assertNull(new StateDirectory(path, StateDirectory.Wish.DEFAULT).open(1 << 20));
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rwxr-xr-x"));
    Objects.requireNonNull(new StateDirectory(path, StateDirectory.Wish.NAMED).open(1 << 20))
        .close();
  }
}
