package dev.runnel.cli;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** Our stdout or stderr. Unlike with System.out, a write that failed is never overlooked. */
final class Outlet {
  private final String name;
  private final int fd;
  private final WritableByteChannel channel;

  Outlet(String name, int fd, WritableByteChannel channel) {
    this.name = name;
    this.fd = fd;
    this.channel = channel;
  }

  /** Blocks until all of it is written. */
  void write(ByteBuffer bytes) throws Failure {
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
          : Failure.of("cannot write to " + reason);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
      throw Failure.of("interrupted while writing to " + name);
    }
  }

  void print(String text) throws Failure {
    write(ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8)));
  }

  /** Tells of something on the way out, when there is nobody left to tell that it could not be. */
  void tryPrintLine(String line) {
    try {
      print("runnel: " + Text.oneLine(line) + "\n");
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
