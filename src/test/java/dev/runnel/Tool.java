package dev.runnel;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.runnel.files.CurrentUser;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Programs that tests need and a machine may lack. */
public final class Tool {
  private static final Path LEFT_OUT = Path.of("target", "left-out.txt");

  private Tool() {}

  /** Goes on only if the program is on the PATH; without it a test in CI fails. */
  public static void require(String program, String test) throws IOException {
    for (String folder : System.getenv("PATH").split(File.pathSeparator, -1)) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return;
      }
    }
    missing(program, test);
  }

  /**
   * Goes on only as root. In CI it is never called as another: the test has the tag {@code root},
   * by which the part for root is chosen.
   */
  public static void requireRoot(String test) throws IOException {
    if (isRoot()) {
      return;
    }
    if (isContinuousIntegration()) {
      fail(test + " needs root, and so the tag root");
    }
    leaveOut("it needs root", test);
  }

  /** Whether the tests run as root. */
  public static boolean isRoot() {
    return CurrentUser.isRoot();
  }

  private static boolean isContinuousIntegration() {
    return "true".equals(System.getenv("CI"));
  }

  private static void missing(String program, String test) throws IOException {
    if (isContinuousIntegration()) {
      fail(program + " is missing, which " + test + " needs");
    }
    leaveOut(program + " is missing", test);
  }

  /** Leaves the test out for what no package installs, also in CI; the run ends by naming it. */
  public static void leaveOut(String reason, String test) throws IOException {
    Files.writeString(
        LEFT_OUT,
        test + ": " + reason + "\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    abort(reason);
  }
}
