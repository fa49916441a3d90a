package dev.runnel;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** A copy of this checkout and of what is built in it, to do with as a test likes. */
final class Checkout {
  private static final FileTime LONG_AGO = FileTime.fromMillis(1_600_000_000_000L);

  private final Path folder;

  private Checkout(Path folder) {
    this.folder = folder;
  }

  /** Copies the launcher, what it packs, and the jars; no sources. */
  static Checkout copyTo(Path folder) throws IOException {
    for (String file :
        List.of(
            "runnel",
            "runneld",
            "pom.xml",
            "LICENSE",
            "README.md",
            "PROTOCOL.md",
            "CHANGELOG.md",
            "SECURITY.md",
            "CONTRIBUTING.md",
            "Dockerfile",
            "clients",
            "docs",
            "k8s",
            "src/test/java/dev/runnel/examples",
            "src/main/sh",
            "target/runnel.jar",
            "target/lib",
            "target/native")) {
      copy(Path.of(file), folder.resolve(file));
    }
    return new Checkout(folder);
  }

  /** The same of this copy: with caches, if it has any. */
  Checkout copy(Path to) throws IOException {
    copy(folder, to);
    return new Checkout(to);
  }

  /** Makes it one that can be built. */
  void addSources() throws IOException {
    copy(Path.of("src/main/java"), folder.resolve("src/main/java"));
    copy(Path.of("src/main/native"), folder.resolve("src/main/native"));
    copy(Path.of(".mvn"), folder.resolve(".mvn"));
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path file : files.toList()) {
        Path target = to.resolve(from.relativize(file).toString());
        Files.createDirectories(target.toAbsolutePath().getParent());
        if (!Files.isDirectory(file)) {
          Files.copy(file, target, StandardCopyOption.COPY_ATTRIBUTES);
        }
      }
    }
  }

  Path folder() {
    return folder;
  }

  Path jar() {
    return folder.resolve("target/runnel.jar");
  }

  Launcher launcher() {
    return Launcher.ofCheckout(folder);
  }

  /** The digest of the jars, as the build wrote it. */
  String id() throws IOException {
    return Files.readString(folder.resolve("target/runnel.jar.id")).strip();
  }

  Path cache(String kind) throws IOException {
    return folder.resolve("target/aot/" + kind + "-" + id() + "-" + javaVersion() + ".aot");
  }

  /** Puts files where caches would be, which the JVM can't use. */
  void pretendToBeTrained() throws IOException {
    Files.writeString(folder.resolve("target/runnel.jar.id"), "0123456789abcdef\n");
    Files.createDirectories(folder.resolve("target/aot"));
    Files.writeString(cache("client"), "no cache");
    Files.writeString(cache("tls"), "no cache");
    Files.writeString(cache("serve"), "no cache");
  }

  private static String javaVersion() throws IOException {
    try (Stream<String> lines = Files.lines(Path.of(System.getProperty("java.home"), "release"))) {
      return lines
          .filter(line -> line.startsWith("JAVA_VERSION="))
          .map(line -> line.replaceAll(".*=|\"", ""))
          .findFirst()
          .orElseThrow();
    }
  }

  /**
   * Writes the jar anew, every class changed by the operator and nothing compressed: if that keeps
   * their sizes, the JVM can't tell the jar from the one before.
   */
  void rewriteJar(Path to, UnaryOperator<byte[]> change) throws IOException {
    Path written = Files.createTempFile(folder, "new", ".jar");
    try (ZipInputStream in =
            new ZipInputStream(new BufferedInputStream(Files.newInputStream(jar())));
        OutputStream file = Files.newOutputStream(written);
        ZipOutputStream out = new ZipOutputStream(file)) {
      ZipEntry entry;
      while ((entry = in.getNextEntry()) != null) {
        byte[] bytes = in.readAllBytes();
        boolean isClass = entry.getName().endsWith(".class");
        store(out, entry.getName(), isClass ? change.apply(bytes) : bytes);
      }
    }
    Files.setLastModifiedTime(written, LONG_AGO);
    Files.move(written, to, StandardCopyOption.REPLACE_EXISTING);
  }

  private static void store(ZipOutputStream out, String name, byte[] bytes) throws IOException {
    CRC32 crc = new CRC32();
    crc.update(bytes);
    ZipEntry entry = new ZipEntry(name);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(bytes.length);
    entry.setCrc(crc.getValue());
    entry.setTime(LONG_AGO.toMillis());
    out.putNextEntry(entry);
    out.write(bytes);
    out.closeEntry();
  }
}
