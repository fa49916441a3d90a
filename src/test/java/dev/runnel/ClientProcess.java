package dev.runnel;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line in a process of its own, as the launcher starts it but for the caches. */
public final class ClientProcess {
  private ClientProcess() {}

  /** What to run for {@code runnel} with these words. */
  public static List<String> command(String... words) {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                // What a JVM would say of a cache that it refuses is said of none.
                "-Xlog:disable",
                "-Xlog:all=error:stderr"));
    command.addAll(Trained.client());
    command.addAll(
        List.of(
            "-cp", Path.of("target/runnel.jar").toAbsolutePath().toString(), "dev.runnel.Main"));
    command.addAll(List.of(words));
    return command;
  }
}
