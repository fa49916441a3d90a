package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A user's own daemon and clients find each other, also where the user has no name. */
class OrdinaryUserTest {
  private static final String NOBODYS_NUMBER = "54321";
  private static final long PATIENCE_SECONDS = 30;

  private Path home = Path.of("");

  @BeforeEach
  void copyWhatIsBuiltToWhereEverybodyMayRead() throws Exception {
    Tool.requireRoot("OrdinaryUserTest");
    Tool.require("setpriv", "OrdinaryUserTest");
    home = Files.createTempDirectory("runnel-ordinary");
    Files.setPosixFilePermissions(home, PosixFilePermissions.fromString("rwxrwxrwx"));
    Checkout.copyTo(home.resolve("runnel"));
  }

  @AfterEach
  void remove() throws Exception {
    new ProcessBuilder("rm", "-rf", home.toString(), "/tmp/runnel-" + NOBODYS_NUMBER)
        .start()
        .waitFor();
  }

  private ProcessBuilder runnel(Map<String, String> environment, String... words) {
    List<String> command =
        new ArrayList<>(
            List.of(
                "setpriv",
                "--reuid=" + NOBODYS_NUMBER,
                "--regid=" + NOBODYS_NUMBER,
                "--clear-groups",
                home.resolve("runnel/runnel").toString()));
    command.addAll(List.of(words));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    builder
        .environment()
        .putAll(
            Map.of(
                "PATH", System.getenv("PATH"),
                "JAVA_HOME", System.getProperty("java.home"),
                "RUNNEL_BUILD", "never"));
    builder.environment().putAll(environment);
    return builder;
  }

  private void serve(Map<String, String> environment, String socket) throws Exception {
    Process daemon =
        runnel(environment, "serve").redirectError(home.resolve("log").toFile()).start();
    try (BufferedReader out = daemon.inputReader()) {
      assertEquals(
          "listening on unix:" + socket, out.readLine(), Files.readString(home.resolve("log")));
      assertEquals(0, Launcher.run(runnel(environment, "ping")).exitCode());
      var ran = Launcher.run(runnel(environment, "exec", "--", "sh", "-c", "echo $PPID; id -u"));
      assertEquals(daemon.pid() + "\n" + NOBODYS_NUMBER + "\n", ran.out(), ran.err());
    } finally {
      daemon.destroy();
      assertTrue(daemon.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS));
    }
  }

  @Test
  void isFoundInTheFolderThatTheSystemNames() throws Exception {
    Path run = Files.createDirectory(home.resolve("run"));
    Files.setPosixFilePermissions(run, PosixFilePermissions.fromString("rwxrwxrwx"));
    serve(Map.of("XDG_RUNTIME_DIR", run.toString()), run.resolve("runnel/runneld.sock").toString());
  }

  @Test
  void isFoundWhereTheSystemNamesNoFolder() throws Exception {
    serve(Map.of(), "/tmp/runnel-" + NOBODYS_NUMBER + "/runneld.sock");
  }
}
