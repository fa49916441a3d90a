package dev.runnel;

import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Programs that tests need and a machine may lack. */
final class Tool {
  private static final Path LEFT_OUT = Path.of("target", "left-out.txt");

  private Tool() {}

  /** Goes on only if the program is on the PATH; without it a test in CI fails. */
  static void require(String program, String test) throws IOException {
    for (String folder : System.getenv("PATH").split(File.pathSeparator, -1)) {
      if (Files.isExecutable(Path.of(folder, program))) {
        return;
      }
    }
    if ("true".equals(System.getenv("CI"))) {
      fail(program + " is missing, which " + test + " needs");
    }
    Files.writeString(
        LEFT_OUT,
        test + ": " + program + " is missing\n",
        StandardOpenOption.CREATE,
        StandardOpenOption.APPEND);
    abort(program + " is missing");
  }
}
