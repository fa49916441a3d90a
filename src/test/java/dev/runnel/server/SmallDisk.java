package dev.runnel.server;

import dev.runnel.Tool;
import java.io.IOException;
import java.io.OutputStream;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** A small file system of a test's own, which it fills or freezes. Needs root. */
final class SmallDisk implements AutoCloseable {
  private static final int IMAGE_BYTES = 16 << 20;

  private final Path folder;
  private boolean frozen;
  private boolean closed;

  private SmallDisk(Path folder) {
    this.folder = folder;
  }

  /** In memory, and of so many pages. */
  static SmallDisk inMemory(Path folder, int kibibytes, String test) throws IOException {
    Tool.requireRoot(test);
    Files.createDirectories(folder);
    run("mount", "-t", "tmpfs", "-o", "size=" + kibibytes + "k", "tmpfs", folder.toString());
    return new SmallDisk(folder);
  }

  /** One that can be frozen. */
  static SmallDisk onLoop(Path parent, String test) throws IOException {
    Tool.requireRoot(test);
    Tool.require("mkfs.ext4", test);
    Tool.require("fsfreeze", test);
    Path folder = Files.createDirectories(parent.resolve("disk"));
    Path image = parent.resolve("image");
    try (RandomAccessFile file = new RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(IMAGE_BYTES);
    }
    run("mkfs.ext4", "-q", image.toString());
    run("mount", "-o", "loop", image.toString(), folder.toString());
    return new SmallDisk(folder);
  }

  Path folder() {
    return folder;
  }

  /** Takes all the room there is. */
  void fill() throws IOException {
    byte[] page = new byte[4_096];
    try (OutputStream out = Files.newOutputStream(folder.resolve("filler"))) {
      while (true) {
        out.write(page);
      }
    } catch (IOException full) {
      if (!String.valueOf(full.getMessage()).contains("No space left")) {
        throw full;
      }
    }
  }

  void free() throws IOException {
    Files.delete(folder.resolve("filler"));
  }

  /** Whoever writes waits, and nothing ends who does. */
  void freeze() throws IOException {
    run("fsfreeze", "-f", folder.toString());
    frozen = true;
  }

  void unfreeze() throws IOException {
    if (frozen) {
      run("fsfreeze", "-u", folder.toString());
      frozen = false;
    }
  }

  private static void run(String... command) throws IOException {
    Process process = new ProcessBuilder(List.of(command)).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    try {
      if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IOException(List.of(command) + ": " + said);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  /** Idempotent. */
  @Override
  public void close() throws IOException {
    if (closed) {
      return;
    }
    unfreeze();
    closed = true;
    // Lazily: a process that was stuck in it may still be on its way out.
    run("umount", "-l", folder.toString());
  }
}
