package dev.runnel.cli;

import dev.runnel.wire.RawFrames;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.CRC32;
import org.jspecify.annotations.NullMarked;

/** A server that plays each connection by a script, with frames made by hand. */
@NullMarked
final class FakeServer implements AutoCloseable {
  static final String STARTED =
      "\"type\":\"started\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"node\":\"n\",\"boot\":\"b\","
          + "\"pid\":7,\"state\":\"running\",\"next\":0";
  private static final Pattern JOB = Pattern.compile("\"job\":\"([^\"]*)\"");
  static final String NOTHING = "{\"bytes\":0,\"crc32\":0}";

  private final ServerSocket socket;
  private final CompletableFuture<Void> played = new CompletableFuture<>();

  /** What the server does with its only connection. */
  interface Script {
    void play(Peer peer) throws Exception;
  }

  /** A frame that a client sent. */
  @SuppressWarnings("ArrayRecordComponent") // Read, never compared.
  record Sent(String header, byte[] body) {
    String text() {
      return new String(body, StandardCharsets.UTF_8);
    }
  }

  /** One script for each connection, in their order; then it is no longer there. */
  FakeServer(Script... scripts) throws IOException {
    socket = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    Thread thread = new Thread(() -> play(scripts), "fake server");
    thread.setDaemon(true);
    thread.start();
  }

  private void play(Script[] scripts) {
    try {
      for (Script script : scripts) {
        try (Socket connection = socket.accept();
            InputStream in = connection.getInputStream();
            OutputStream out = connection.getOutputStream()) {
          script.play(new Peer(new DataInputStream(in), out));
        }
      }
      socket.close();
      played.complete(null);
    } catch (Throwable e) {
      played.completeExceptionally(e);
    }
  }

  String host() {
    return "127.0.0.1:" + socket.getLocalPort();
  }

  /** Waits for the script's end, and fails if it failed. */
  @Override
  public void close() throws IOException {
    try {
      var _ = played.get(30, TimeUnit.SECONDS);
    } catch (ExecutionException | TimeoutException e) {
      throw new AssertionError("script", e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      socket.close();
    }
  }

  /** The client, as its server sees it. */
  static final class Peer {
    private final DataInputStream in;
    private final OutputStream out;
    private final CRC32 stdout = new CRC32();
    private long stdoutBytes;
    private long offset;
    private String job = "j";

    Peer(DataInputStream in, OutputStream out) {
      this.in = in;
      this.out = out;
    }

    /** Reads the client's hello and answers it. */
    Sent greet() throws IOException {
      return greet("b");
    }

    /** The same in that life of the server. */
    Sent greet(String boot) throws IOException {
      Sent hello = read();
      if (!hello.header().startsWith("{\"type\":\"hello\"")) {
        throw new IOException("no hello: " + hello.header());
      }
      send(
          "\"type\":\"hello\",\"id\":\"hello\",\"final\":true,\"version\":1,\"software\":\"x\","
              + "\"node\":\"n\",\"boot\":\""
              + boot
              + "\",\"max_header\":65536,\"max_body\":131072");
      return hello;
    }

    /** As after another connection: so much of stdout was sent already. */
    void resume(String sent) throws IOException {
      count(sent);
      offset += RawFrames.utf8(sent).length;
      started(offset);
    }

    /** Reads on until a frame of that type. */
    Sent await(String type) throws IOException {
      Sent sent = read();
      while (!sent.header().startsWith("{\"type\":\"" + type + "\"")) {
        sent = read();
      }
      return sent;
    }

    /** The next frame; fails at the end of the stream. */
    Sent read() throws IOException {
      String header = new String(in.readNBytes(littleEndian()), StandardCharsets.UTF_8);
      int colon = header.lastIndexOf(':');
      int size = Integer.parseInt(header.substring(colon + 1, header.length() - 1));
      byte[] body = new byte[size];
      in.readFully(body);
      return new Sent(header, body);
    }

    /** The same, of a job that is begun: what is answered is from then on of that job. */
    Sent readRun() throws IOException {
      Sent run = read();
      Matcher named = JOB.matcher(run.header());
      if (!named.find()) {
        throw new IOException("no job's name: " + run.header());
      }
      job = named.group(1);
      return run;
    }

    private int littleEndian() throws IOException {
      return Integer.reverseBytes(in.readInt());
    }

    /** Waits until the client closes; gives what it sent before. */
    byte[] readToEnd() throws IOException {
      ByteArrayOutputStream all = new ByteArrayOutputStream();
      try {
        var _ = in.transferTo(all);
      } catch (IOException _) {
        // A client that goes with answers unread resets the connection.
      }
      return all.toByteArray();
    }

    void raw(byte[] bytes) throws IOException {
      out.write(bytes);
      out.flush();
    }

    void send(String keys) throws IOException {
      send(keys, "");
    }

    void send(String keys, String body) throws IOException {
      raw(frame(keys, body));
    }

    static byte[] frame(String keys, String body) {
      byte[] bytes = RawFrames.utf8(body);
      return RawFrames.frame("{" + keys + ",\"total_size\":" + bytes.length + "}", bytes);
    }

    void started() throws IOException {
      send(STARTED.replace("\"job\":\"j\"", "\"job\":\"" + job + "\""));
    }

    void startedWithStdin() throws IOException {
      send(STARTED + ",\"stdin_window\":65536");
    }

    /** For a follower whose next byte is at that offset. */
    void started(long next) throws IOException {
      send(STARTED.substring(0, STARTED.length() - 1) + next + ",\"stdin_window\":65536");
    }

    void stdinAck(long taken) throws IOException {
      send(
          "\"type\":\"stdin_ack\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"offset\":"
              + taken);
    }

    void stdout(String text) throws IOException {
      count(text);
      output("stdout", text);
    }

    private void count(String text) {
      byte[] bytes = RawFrames.utf8(text);
      stdout.update(bytes);
      stdoutBytes += bytes.length;
    }

    void output(String stream, String text) throws IOException {
      send(outputKeys(stream, offset), text);
      offset += RawFrames.utf8(text).length;
    }

    static String outputKeys(String stream, long offset) {
      return "\"type\":\"output\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"stream\":\""
          + stream
          + "\",\"offset\":"
          + offset;
    }

    /** An end that tells the truth of stdout, and of stderr that there was none. */
    void end(String how) throws IOException {
      end(how, total(), NOTHING);
    }

    void end(String how, String stdoutTotal, String stderrTotal) throws IOException {
      send(
          "\"type\":\"end\",\"id\":\"run\",\"final\":true,\"job\":\""
              + job
              + "\","
              + how
              + ",\"stdout\":"
              + stdoutTotal
              + ",\"stderr\":"
              + stderrTotal
              + ",\"output_bytes\":"
              + offset);
    }

    String total() {
      return total(stdoutBytes, stdout.getValue());
    }

    static String total(long bytes, long crc32) {
      return "{\"bytes\":" + bytes + ",\"crc32\":" + crc32 + "}";
    }
  }
}
