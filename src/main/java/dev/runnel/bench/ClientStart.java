package dev.runnel.bench;

import dev.runnel.model.JvmSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The whole life of a client that has a command run, next to that of a JVM that does nothing. */
final class ClientStart implements Measurement {
  private static final List<String> JAVA =
      List.of(
          Path.of(System.getProperty("java.home"), "bin", "java").toString(),
          "-XX:+UseSerialGC",
          "-XX:TieredStopAtLevel=1");

  @Override
  public String title() {
    return "client's start";
  }

  @Override
  public List<Result> measure(MeasuredServer server, Pace pace) throws IOException {
    ProcessBuilder idle = quiet(with(JAVA, "-version"));
    ProcessBuilder client = quiet(with(client(), "exec", "-n", "-H", server.host(), "--", "true"));
    if (server.token() != null) {
      client.environment().put("RUNNEL_TOKEN", server.token());
    }
    Pairs pairs =
        pace.alternate(
            () -> Latencies.of(1, () -> run(idle)), () -> Latencies.of(1, () -> run(client)));
    return List.of(
        pairs.median(
            "client_start", "runnel exec HOST -- true; floor: java -version", Result.Unit.MILLIS));
  }

  /** As whoever started us would start it. */
  private static List<String> client() {
    String launcher = System.getProperty("runnel.launcher");
    return launcher != null
        ? List.of(launcher)
        : with(JAVA, "-cp", System.getProperty("java.class.path"), "dev.runnel.Main");
  }

  private static List<String> with(List<String> command, String... more) {
    List<String> all = new ArrayList<>(command);
    all.addAll(List.of(more));
    return all;
  }

  private static ProcessBuilder quiet(List<String> command) {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .redirectError(ProcessBuilder.Redirect.DISCARD);
    JvmSettings.VARIABLES.forEach(builder.environment()::remove);
    return builder;
  }

  private static void run(ProcessBuilder builder) throws IOException {
    Process process = builder.start();
    process.getOutputStream().close();
    try {
      int code = process.waitFor();
      if (code != 0) {
        throw new IOException(builder.command() + " ended with exit code " + code);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    }
  }
}
