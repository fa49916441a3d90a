package dev.runnel.bench;

import dev.runnel.model.JvmSettings;
import dev.runnel.security.identity.Tokens;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A daemon on a loopback port, to be measured: with the flags that the launcher gives a daemon, and
 * a token that nobody else knows. It ends with its stdin, so also when we are killed.
 */
final class OwnServer implements AutoCloseable {
  private static final String LISTENING = "listening on 127.0.0.1:";
  private static final long END_SECONDS = 10;

  private static final List<String> FLAGS =
      List.of(
          "-XX:+UseSerialGC",
          "-Xmx256m",
          "-Xmn32m",
          "-XX:+ExitOnOutOfMemoryError",
          "-XX:-MaxFDLimit",
          "-XX:CompressedClassSpaceSize=64m",
          "-XX:+SuppressFatalErrorMessage",
          "-XX:+IgnoreUnrecognizedVMOptions",
          "--sun-misc-unsafe-memory-access=allow");

  private final Process process;
  // Watched for changes as long as the server is there.
  private final Path tokens;
  private final MeasuredServer server;

  private OwnServer(Process process, Path tokens, MeasuredServer server) {
    this.process = process;
    this.tokens = tokens;
    this.server = server;
  }

  /** Blocks until it listens. */
  static OwnServer start() throws IOException {
    Tokens.NewToken token = Tokens.create("bench");
    Path file = Files.createTempFile("runnel-bench-", ".tokens");
    try {
      Files.writeString(file, token.line() + "\n");
      Process process = launch(file);
      int port = readPort(process.inputReader());
      String host = "127.0.0.1:" + port;
      InetSocketAddress address = new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
      MeasuredServer server = new MeasuredServer(address, host, token.secret(), process.toHandle());
      return new OwnServer(process, file, server);
    } catch (IOException e) {
      Files.delete(file);
      throw e;
    }
  }

  private static Process launch(Path tokens) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(JvmSettings.FLAGS);
    command.addAll(FLAGS);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), "dev.runnel.Main"));
    command.addAll(List.of("serve", "--embedded", "--listen", "127.0.0.1:0"));
    command.addAll(List.of("--tokens", tokens.toString(), "--log-level", "error"));
    ProcessBuilder builder =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
    JvmSettings.prepare(builder.environment());
    return builder.start();
  }

  private static int readPort(BufferedReader said) throws IOException {
    String line = said.readLine();
    if (line == null || !line.startsWith(LISTENING)) {
      throw new IOException("the server to measure did not start: " + line);
    }
    return Integer.parseInt(line.substring(LISTENING.length()));
  }

  MeasuredServer server() {
    return server;
  }

  @Override
  public void close() throws IOException {
    try {
      end();
    } finally {
      Files.delete(tokens);
    }
  }

  private void end() {
    try {
      process.getOutputStream().close();
      if (!process.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        var _ = process.destroyForcibly();
      }
    } catch (IOException _) {
      var _ = process.destroyForcibly();
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
