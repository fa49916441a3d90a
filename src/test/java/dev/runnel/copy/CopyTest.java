package dev.runnel.copy;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.channels.Pipe;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Stream;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Both ends over pipes of this process, and senders that mean ill. */
@NullMarked
@SuppressWarnings("NullAway.Init") // Set before each.
@Timeout(60)
class CopyTest {
  @TempDir private Path folder;
  private Path from;
  private Path to;
  private final List<String> told = new CopyOnWriteArrayList<>();

  @BeforeEach
  void make() throws IOException {
    from = Files.createDirectory(folder.resolve("from"));
    to = Files.createDirectory(folder.resolve("to"));
  }

  private static void write(Path file, byte[] bytes, String mode, String time) throws IOException {
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString(mode));
    Files.setLastModifiedTime(file, FileTime.from(Instant.parse(time)));
  }

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  /** Ends after so many bytes, as a connection that is cut does. */
  private static final class Cut extends FilterInputStream {
    private long left;

    Cut(InputStream in, long left) {
      super(in);
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      return left-- > 0 ? super.read() : -1;
    }

    @Override
    public int read(byte[] into, int at, int length) throws IOException {
      if (left <= 0) {
        return -1;
      }
      int read = super.read(into, at, (int) Math.min(left, length));
      left -= Math.max(0, read);
      return read;
    }
  }

  private CopyResult copy(Path target, FileReceiver.Place place, long cut, Path... sources)
      throws Exception {
    Pipe there = Pipe.open();
    Pipe back = Pipe.open();
    CompletableFuture<CopyResult> received =
        CompletableFuture.supplyAsync(
            () -> {
              try (InputStream in = new Cut(Channels.newInputStream(there.source()), cut);
                  OutputStream out = Channels.newOutputStream(back.sink())) {
                return new FileReceiver(in, out, target, place, told::add).receive();
              } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
              }
            });
    CopyResult sent = null;
    IOException broken = null;
    try (InputStream in = Channels.newInputStream(back.source());
        OutputStream out = Channels.newOutputStream(there.sink())) {
      sent =
          new FileSender(in, out, FileSender.Folders.WITH_ALL_IN_THEM, told::add)
              .send(List.of(sources));
    } catch (IOException e) {
      broken = e;
    }
    if (broken != null) {
      assertThrows(Exception.class, received::get);
      throw broken;
    }
    CopyResult result = Objects.requireNonNull(sent);
    assertEquals(result.complete(), received.get().complete());
    return result;
  }

  private CopyResult copy(Path... sources) throws Exception {
    return copy(to, FileReceiver.Place.FOLDER_OR_NAME, Long.MAX_VALUE, sources);
  }

  /** Every name with its kind, mode, time and contents. */
  private static List<String> described(Path root) throws IOException {
    List<String> lines = new ArrayList<>();
    try (Stream<Path> all = Files.walk(root)) {
      for (Path path : all.sorted().toList()) {
        boolean link = Files.isSymbolicLink(path);
        boolean file = Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS);
        lines.add(
            Arrays.toString(FileName.bytes(root.relativize(path)))
                + (link
                    ? " -> " + Files.readSymbolicLink(path)
                    : " " + Files.getPosixFilePermissions(path) + Files.getLastModifiedTime(path))
                + (file ? Arrays.hashCode(Files.readAllBytes(path)) : ""));
      }
    }
    return lines;
  }

  private Path tree() throws IOException {
    Path tree = from.resolve("tree");
    write(tree.resolve("a"), new byte[0], "rw-------", "2001-02-03T04:05:06.789Z");
    write(tree.resolve("sub/b x"), random(70_000), "rwxr-x--x", "1969-01-01T00:00:00Z");
    write(tree.resolve("sub/größe"), random(300_001), "r--r--r--", "2030-01-01T00:00:00Z");
    Files.createDirectory(tree.resolve("empty"));
    Files.createSymbolicLink(tree.resolve("link"), Path.of("sub/b x"));
    Files.createSymbolicLink(tree.resolve("dangling"), Path.of("/nowhere/at all"));
    Files.write(tree.resolve(FileName.path(new byte[] {'n', (byte) 0xFF, (byte) 0xFE})), random(9));
    Files.setPosixFilePermissions(
        tree.resolve("sub"), PosixFilePermissions.fromString("r-xr-x---"));
    Files.setLastModifiedTime(
        tree.resolve("sub"), FileTime.from(Instant.parse("2002-02-02T02:02:02Z")));
    return tree;
  }

  @Test
  void aTreeArrivesAsItWas() throws Exception {
    Path tree = tree();
    CopyResult result = copy(tree);
    assertEquals(List.of(), told);
    assertTrue(result.complete());
    assertEquals(4, result.files());
    assertEquals(described(tree), described(to.resolve("tree")));
    // Once more over it, and as another name, and without its own name.
    assertTrue(copy(tree).complete());
    assertEquals(described(tree), described(to.resolve("tree")));
    Path other = to.resolve("other");
    assertTrue(copy(other, FileReceiver.Place.FOLDER_OR_NAME, Long.MAX_VALUE, tree).complete());
    assertEquals(described(tree), described(other));
    Path third = Files.createDirectory(to.resolve("third"));
    assertTrue(
        copy(third, FileReceiver.Place.FOLDER, Long.MAX_VALUE, tree.resolve(".")).complete());
    assertEquals(described(tree), described(third));
  }

  @Test
  void whereverItIsCutNothingIsHalfThere() throws Exception {
    Path one = from.resolve("one");
    write(one, random(40), "rw-r--r--", "2001-01-01T00:00:00Z");
    Path target = to.resolve("x");
    Files.writeString(target, "before");
    long cut = 0;
    boolean whole = false;
    while (!whole) {
      try {
        whole = copy(target, FileReceiver.Place.FOLDER_OR_NAME, cut, one).complete();
      } catch (IOException _) {
        byte[] there = Files.readAllBytes(target);
        boolean before = Arrays.equals(there, "before".getBytes(StandardCharsets.UTF_8));
        assertTrue(before || Arrays.equals(there, random(40)), "cut=" + cut);
      }
      cut++;
    }
    assertTrue(cut > 60, "" + cut);
    try (Stream<Path> all = Files.list(to)) {
      assertEquals(List.of(target), all.toList());
    }
  }

  @Test
  void aLongFileGoesOnWhereItWasCut() throws Exception {
    Path big = from.resolve("big");
    byte[] bytes = random(20 << 20);
    write(big, bytes, "rw-r--r--", "2001-01-01T00:00:00Z");
    Path target = to.resolve("big");
    assertThrows(
        IOException.class, () -> copy(target, FileReceiver.Place.FOLDER_OR_NAME, 15 << 20, big));
    assertFalse(Files.exists(target));
    // Of which the last quarter has to go over the stream, and no more.
    CopyResult result = copy(target, FileReceiver.Place.FOLDER_OR_NAME, 6 << 20, big);
    assertTrue(result.complete());
    assertArrayEquals(bytes, Files.readAllBytes(target));
    try (Stream<Path> all = Files.list(to)) {
      assertEquals(List.of(target), all.toList());
    }
  }

  @Test
  void whatIsThereOfAnotherFileIsNotGoneOnWith() throws Exception {
    Path big = from.resolve("big");
    String time = "2001-01-01T00:00:00Z";
    write(big, random(10 << 20), "rw-r--r--", time);
    assertThrows(
        IOException.class,
        () -> copy(to.resolve("big"), FileReceiver.Place.FOLDER_OR_NAME, 9 << 20, big));
    byte[] other = random(10 << 20);
    other[5] ^= 1;
    write(big, other, "rw-r--r--", time);
    assertTrue(copy(big).complete());
    assertArrayEquals(other, Files.readAllBytes(to.resolve("big")));
  }

  @Test
  void zerosTakeNoRoom() throws Exception {
    Path sparse = from.resolve("sparse");
    try (FileChannel file =
        FileChannel.open(sparse, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      file.write(java.nio.ByteBuffer.wrap(new byte[] {1}), 40 << 20);
      file.write(java.nio.ByteBuffer.wrap(new byte[] {0}), (64 << 20) - 1);
    }
    assertTrue(copy(sparse).complete());
    assertEquals(-1, Files.mismatch(sparse, to.resolve("sparse")));
    Process du = new ProcessBuilder("du", "-k", to.resolve("sparse").toString()).start();
    String kilobytes =
        new String(du.getInputStream().readAllBytes(), StandardCharsets.UTF_8).split("\\s", 2)[0];
    assertTrue(Integer.parseInt(kilobytes) < 1_024, kilobytes);
  }

  @Test
  void whatCannotBeCopiedIsToldAndTheOthersAre() throws Exception {
    Path tree = from.resolve("tree");
    write(tree.resolve("a"), random(10), "rw-r--r--", "2001-01-01T00:00:00Z");
    write(tree.resolve("b"), random(10), "rw-r--r--", "2001-01-01T00:00:00Z");
    assertEquals(
        0, new ProcessBuilder("mkfifo", tree.resolve("fifo").toString()).start().waitFor());
    Files.createDirectories(to.resolve("tree/a"));
    CopyResult result = copy(tree, from.resolve("none"));
    assertFalse(result.complete());
    List<String> sorted = told.stream().sorted().toList();
    assertEquals(
        List.of(
            from.resolve("none") + ": no such file or folder",
            tree.resolve("fifo") + ": is no file, folder or link, and is left out",
            to.resolve("tree/a") + ": is a folder"),
        sorted);
    assertEquals(2, result.problems());
    assertArrayEquals(random(10), Files.readAllBytes(to.resolve("tree/b")));
  }

  private interface Records {
    void write(DataOutputStream out) throws IOException;
  }

  /** What comes of a sender that sends just that. */
  private String received(Records records) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    DataOutputStream out = new DataOutputStream(bytes);
    out.writeInt(Format.MAGIC);
    records.write(out);
    out.writeByte(Format.END);
    out.writeLong(1);
    out.writeLong(1);
    Path target = Files.createDirectories(to.resolve("target"));
    try {
      CopyResult result =
          new FileReceiver(
                  new ByteArrayInputStream(bytes.toByteArray()),
                  new ByteArrayOutputStream(),
                  target,
                  FileReceiver.Place.FOLDER,
                  told::add)
              .receive();
      return result.problems() + " " + told;
    } catch (EOFException e) {
      return "end";
    } catch (IOException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static void file(DataOutputStream out, String name) throws IOException {
    out.writeByte(Format.FILE);
    FileName.write(out, name.getBytes(StandardCharsets.UTF_8));
    out.writeShort(0644);
    out.writeLong(0);
    out.writeLong(1);
    out.writeByte(Format.DATA);
    out.writeInt(1);
    out.writeByte('x');
    java.util.zip.CRC32 checksum = new java.util.zip.CRC32();
    checksum.update('x');
    out.writeByte(Format.FILE_END);
    out.writeInt((int) checksum.getValue());
  }

  private static void folder(DataOutputStream out, String name) throws IOException {
    out.writeByte(Format.FOLDER);
    FileName.write(out, name.getBytes(StandardCharsets.UTF_8));
    out.writeShort(0755);
    out.writeLong(0);
  }

  private List<String> outside() throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(path -> !path.startsWith(to.resolve("target")))
          .map(path -> folder.relativize(path).toString())
          .sorted()
          .toList();
    }
  }

  @Test
  void nothingIsWrittenOutsideTheTarget() throws Exception {
    for (String name : List.of("../x", "/tmp/runnel-x", "a/b", "..", "", ".", "a\0b")) {
      String answer =
          received(
              out -> {
                folder(out, "d");
                file(out, name);
              });
      assertEquals("the sender's stream is broken: a name that leaves its folder", answer, name);
    }
    assertTrue(received(out -> file(out, "../x")).contains("a name that leaves"));
    assertTrue(received(out -> folder(out, "..")).contains("a name that leaves"));
    assertTrue(received(out -> out.writeByte(Format.UP)).contains("it leaves the target"));
    // A link of the sender's own, and then what would go through it.
    String through =
        received(
            out -> {
              out.writeByte(Format.LINK);
              out.writeUTF("l");
              out.writeUTF(from.toString());
              folder(out, "l");
              file(out, "x");
              out.writeByte(Format.UP);
              out.writeByte(Format.LINK);
              out.writeUTF("f");
              out.writeUTF(from.resolve("y").toString());
              file(out, "f");
            });
    assertTrue(through.contains("l: is there already, and no folder"), through);
    assertEquals(List.of("", "from", "to"), outside());
    // The link that stood for the file was replaced, and not written through.
    assertTrue(Files.isRegularFile(to.resolve("target/f"), LinkOption.NOFOLLOW_LINKS));
  }

  @Test
  void aLinkInThePlaceOfAnUnfinishedFileIsNotWrittenThrough() throws Exception {
    Path victim = Files.writeString(folder.resolve("victim"), "mine");
    Path big = from.resolve("big");
    write(big, random(9 << 20), "rw-r--r--", "2001-01-01T00:00:00Z");
    assertThrows(
        IOException.class,
        () -> copy(to.resolve("big"), FileReceiver.Place.FOLDER_OR_NAME, 9 << 20, big));
    Path part;
    try (Stream<Path> all = Files.list(to)) {
      part = all.findFirst().orElseThrow();
    }
    Files.delete(part);
    Files.createSymbolicLink(part, victim);
    assertTrue(copy(big).complete());
    assertEquals("mine", Files.readString(victim));
    assertArrayEquals(random(9 << 20), Files.readAllBytes(to.resolve("big")));
  }

  @Test
  void patternsMeanWhatTheyMeanInAShell() throws Exception {
    for (String name : List.of("a1.log", "b2.log", ".c.log", "x{y}", "sub/d.log", "tub/e.log")) {
      Files.createDirectories(from.resolve(name).getParent());
      Files.createFile(from.resolve(name));
    }
    assertEquals(List.of(from.resolve("a1.log"), from.resolve("b2.log")), expanded("*.log"));
    assertEquals(List.of(from.resolve("sub/d.log"), from.resolve("tub/e.log")), expanded("?ub/*"));
    assertEquals(List.of(from.resolve(".c.log")), expanded(".c*"));
    assertEquals(List.of(from.resolve("x{y}")), expanded("x{*}"));
    assertEquals(List.of(from.resolve("[ab]9*")), expanded("[ab]9*"));
  }

  private List<Path> expanded(String pattern) throws IOException {
    return Globs.expand(from.resolve(pattern));
  }
}
