package dev.runnel.chaos;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The disk that a daemon writes to: a small file system of its own, which can be filled and frozen,
 * where root may make one; else a plain folder. Any one thread.
 */
final class Disk implements AutoCloseable {
  /** More than an hour's audit, recordings and spools take up: it is full when it is to be. */
  private static final int BYTES = 128 << 20;

  /** So many files in an hour, likewise. */
  private static final int FILES = 1 << 16;

  private final Path folder;
  private final boolean isOwn;

  private Disk(Path folder, boolean isOwn) {
    this.folder = folder;
    this.isOwn = isOwn;
  }

  /** Makes one in that folder. */
  static Disk make(Path parent, boolean asRoot) throws IOException, InterruptedException {
    Path folder = Files.createDirectory(parent.resolve("disk"));
    if (!asRoot) {
      return new Disk(folder, false);
    }
    Path image = parent.resolve("disk.img");
    try (var file = new java.io.RandomAccessFile(image.toFile(), "rw")) {
      file.setLength(BYTES);
    }
    boolean made =
        run("mkfs.ext4", "-q", "-N", "" + FILES, image.toString())
            && run("mount", "-o", "loop", image.toString(), folder.toString());
    return new Disk(folder, made);
  }

  Path folder() {
    return folder;
  }

  /** Whether it can be filled and frozen without harm to anybody else. */
  boolean isOwn() {
    return isOwn;
  }

  /** Takes all the room there is. */
  void fill() throws IOException {
    Path filler = folder.resolve("filler");
    byte[] zeros = new byte[1 << 16];
    try (var out = Files.newOutputStream(filler)) {
      for (int size = zeros.length; size > 0; ) {
        try {
          out.write(zeros, 0, size);
        } catch (IOException _) {
          size /= 2;
        }
      }
    }
  }

  void free() throws IOException {
    Files.deleteIfExists(folder.resolve("filler"));
  }

  /** Whoever writes waits until {@link #thaw}. */
  void freeze() throws IOException, InterruptedException {
    run("fsfreeze", "-f", folder.toString());
  }

  void thaw() throws IOException, InterruptedException {
    run("fsfreeze", "-u", folder.toString());
  }

  /** Whether files may be made in that folder of it. */
  static void permit(Path folder, String permissions) throws IOException {
    if (Files.isDirectory(folder)) {
      Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString(permissions));
    }
  }

  static boolean run(String... command) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(List.of(command))
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(60, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      return false;
    }
    return process.exitValue() == 0;
  }

  @Override
  public void close() throws IOException {
    if (isOwn) {
      try {
        for (int i = 0; i < 20 && !run("umount", folder.toString()); i++) {
          Thread.sleep(500);
        }
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }
}
