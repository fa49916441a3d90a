package dev.runnel.cli;

import dev.runnel.model.SafeText;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Our stdout or stderr. Unlike with System.out, a write that failed is never overlooked. */
public final class OutputDescriptor {
  private final String name;
  private final int fd;
  private final WritableByteChannel channel;

  private final Place place;

  /** Where the next byte goes, of one outlet, or of two that write to the same terminal. */
  private static final class Place {
    /** Whether what was written last is no whole line. */
    private volatile boolean inLine;
  }

  OutputDescriptor(String name, int fd, WritableByteChannel channel) {
    this(name, fd, channel, new Place());
  }

  private OutputDescriptor(String name, int fd, WritableByteChannel channel, Place place) {
    this.name = name;
    this.fd = fd;
    this.channel = channel;
    this.place = place;
  }

  /** The same beside another one, whose lines it may be in the middle of. */
  OutputDescriptor beside(OutputDescriptor other) {
    return StandardStreams.isSameTerminal(fd, other.fd)
        ? new OutputDescriptor(name, fd, channel, other.place)
        : this;
  }

  /** Blocks until all of it is written. */
  public void write(ByteBuffer bytes) throws Failure {
    if (bytes.hasRemaining()) {
      place.inLine = bytes.get(bytes.limit() - 1) != '\n';
    }
    try {
      while (bytes.hasRemaining()) {
        if (channel.write(bytes) == 0) {
          // Somebody made the file description non-blocking, and it has no room.
          Thread.sleep(1);
        }
      }
    } catch (IOException e) {
      String reason = name + ": " + e.getMessage();
      throw isGone(e)
          ? Failure.stdoutGone("nobody reads " + reason)
          : Failure.unwritten("cannot write to " + reason);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw Failure.of("interrupted while writing to " + name);
    }
  }

  /** Whether a person reads it as it is written. */
  public boolean isTerminal() {
    return fd >= 0 && StandardStreams.isTerminal(fd);
  }

  public void print(String text) throws Failure {
    write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  /**
   * Tells of something, on a line of its own, when there is nobody left to tell that it could not
   * be.
   */
  public void tryPrintLine(String line) {
    tryPrintLine("runnel", line);
  }

  /** The same of a part of us. */
  public void tryPrintLine(String who, String line) {
    try {
      print((place.inLine ? "\n" : "") + who + ": " + SafeText.oneLine(line) + "\n");
    } catch (Failure _) {
      // The exit code tells it.
    }
  }

  // The message is in the language of the locale; but a pipe's only fault is that its reader left.
  private boolean isGone(IOException e) {
    String message = String.valueOf(e.getMessage());
    if (message.contains("Broken pipe") || message.contains("Connection reset")) {
      return true;
    }
    try {
      String target = Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
      return target.startsWith("pipe:") || target.startsWith("socket:");
    } catch (IOException _) {
      return false;
    }
  }
}
