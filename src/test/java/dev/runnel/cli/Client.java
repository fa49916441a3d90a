package dev.runnel.cli;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.NullMarked;
import org.jspecify.annotations.Nullable;

/** The command line in this process, with streams, variables and signals of its own. */
@NullMarked
public final class Client {
  private final Watched out = new Watched();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private final Map<String, Runnable> handlers = new ConcurrentHashMap<>();
  private final BlockingQueue<Integer> halted = new LinkedBlockingQueue<>();

  private ReadableByteChannel in = Channels.newChannel(new ByteArrayInputStream(new byte[0]));
  private CliContext.Input input = CliContext.Input.TERMINAL;
  private @Nullable WritableByteChannel otherOut;

  /** Where no server is, and one could be: elsewhere none is looked for then. */
  static final String NOWHERE = Path.of("target", "nowhere").toAbsolutePath().toString();

  private Map<String, String> env = Map.of("XDG_RUNTIME_DIR", NOWHERE);

  /** What was written can be waited for. */
  private static final class Watched extends ByteArrayOutputStream {
    @Override
    public synchronized void write(byte[] bytes, int from, int length) {
      super.write(bytes, from, length);
      notifyAll();
    }

    synchronized void await(String text) throws InterruptedException {
      long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
      while (!toString(StandardCharsets.UTF_8).contains(text)) {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0) {
          throw new AssertionError("not printed: " + text);
        }
        wait(left);
      }
    }
  }

  Client stdin(String text) {
    return stdin(
        Channels.newChannel(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8))));
  }

  Client stdin(ReadableByteChannel channel) {
    in = channel;
    input = CliContext.Input.STREAM;
    return this;
  }

  Client env(Map<String, String> variables) {
    env = variables;
    return this;
  }

  /** Every write to stdout fails so. */
  Client brokenStdout(String message) {
    otherOut =
        new WritableByteChannel() {
          @Override
          public int write(ByteBuffer bytes) throws IOException {
            throw new IOException(message);
          }

          @Override
          public boolean isOpen() {
            return true;
          }

          @Override
          public void close() {}
        };
    return this;
  }

  /** Its stdout goes there. */
  Client stdout(WritableByteChannel channel) {
    otherOut = channel;
    return this;
  }

  int run(String... words) {
    return run(CommandLine.of(words));
  }

  int run(CommandLine line) {
    return new Cli(surroundings(), Cli::definition).run(line);
  }

  /** Another room's definition of a verb, by its name and what follows. */
  int run(VerbDefinition definition, String... words) {
    return new Cli(surroundings(), _ -> definition).run(CommandLine.of(words));
  }

  /** Another room's verb, by its name and what follows. */
  public static int run(
      VerbDefinition definition, OutputStream out, OutputStream err, String... words) {
    Client client = new Client();
    CliContext context =
        new CliContext(
            client.in,
            new OutputDescriptor("stdout", -1, Channels.newChannel(out)),
            new OutputDescriptor("stderr", -1, Channels.newChannel(err)),
            client.input,
            client.env,
            client.handlers::put,
            client.halted::add);
    return new Cli(context, _ -> definition).run(CommandLine.of(words));
  }

  /** {@code exec -H} to that server, over one connection only. */
  int exec(FakeServer server, String... words) {
    List<String> all = new ArrayList<>(List.of("exec", "--no-resume", "-H", server.host()));
    all.addAll(List.of(words));
    return run(all.toArray(String[]::new));
  }

  /** The same on a thread of its own. */
  CompletableFuture<Integer> start(FakeServer server, String... words) {
    return CompletableFuture.supplyAsync(() -> exec(server, words));
  }

  CliContext surroundings() {
    WritableByteChannel stdout = otherOut == null ? Channels.newChannel(out) : otherOut;
    return new CliContext(
        in,
        new OutputDescriptor("stdout", -1, stdout),
        new OutputDescriptor("stderr", -1, Channels.newChannel(err)),
        input,
        env,
        handlers::put,
        halted::add);
  }

  /** As if that signal had come to the client. */
  void raise(String signal) {
    Runnable handler = handlers.get(signal);
    if (handler == null) {
      throw new AssertionError("no handler of " + signal);
    }
    handler.run();
  }

  /** The exit code with which the client ended at once. */
  int halted() throws InterruptedException {
    Integer code = halted.poll(30, TimeUnit.SECONDS);
    if (code == null) {
      throw new AssertionError("not halted");
    }
    return code;
  }

  void awaitOut(String text) throws InterruptedException {
    out.await(text);
  }

  String out() {
    return out.toString(StandardCharsets.UTF_8);
  }

  String err() {
    return err.toString(StandardCharsets.UTF_8);
  }
}
