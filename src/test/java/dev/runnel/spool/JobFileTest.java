package dev.runnel.spool;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class JobFileTest {
  private static final Instant BORN = Instant.ofEpochMilli(1_700_000_000_000L);

  @TempDir
  @SuppressWarnings("NullAway.Init")
  private Path root;

  @Test
  void givesBackWhatWasWrittenFromAnyOffset() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      byte[] written = Spooled.write(file, new Random(1), 200);
      for (int from = 0; from < written.length; from += 1 + from / 7) {
        assertArrayEquals(
            Arrays.copyOfRange(written, from, written.length), Spooled.read(file, from));
      }
      file.close();
    }
  }

  @Test
  void tellsTheStreamsApart() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      file.append(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[] {1, 2}));
      file.append(Stream.STDERR, 2, ByteBuffer.wrap(new byte[] {3}));
      SpoolReader replay = file.read(1, 100);
      assertNotNull(replay);
      assertEquals(
          List.of(Stream.STDOUT, Stream.STDERR),
          replay.runs().stream().map(SpoolReader.Run::stream).toList());
      assertEquals(2, replay.bytes());
      file.close();
    }
  }

  @Test
  void hasAllThatWasWholeWhereverItWasCut() throws IOException {
    Path folder = root.resolve("a");
    List<Long> ends = new ArrayList<>();
    byte[] written;
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      ends.add(Files.size(file.path()));
      file.started(7, BORN);
      ends.add(Files.size(file.path()));
      written = new byte[60];
      new Random(2).nextBytes(written);
      for (int at = 0; at < 60; at += 20) {
        file.append(at == 20 ? Stream.STDERR : Stream.STDOUT, at, ByteBuffer.wrap(written, at, 20));
        ends.add(Files.size(file.path()));
      }
      file.end(Spooled.exited("a", 3, 60), BORN);
      ends.add(Files.size(file.path()));
    }
    byte[] whole = Files.readAllBytes(folder.resolve(JobFile.NAME));
    for (int cut = 0; cut <= whole.length; cut++) {
      int length = cut;
      Files.createDirectories(folder);
      Files.write(folder.resolve(JobFile.NAME), Arrays.copyOf(whole, length));
      int records = (int) ends.stream().filter(end -> end <= length).count();
      checkCut(records, written);
    }
  }

  private void checkCut(int records, byte[] written) throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      List<RecoveredJob> all = spools.recover();
      if (records == 0) {
        assertEquals(List.of(), all);
        assertTrue(Files.notExists(root.resolve("a")));
        return;
      }
      RecoveredJob found = all.getFirst();
      int bytes = 20 * Math.clamp(records - 2, 0, 3);
      assertEquals(Spooled.job("a"), found.job());
      assertEquals(records == 6 ? Outcome.EXITED : Outcome.LOST, found.end().outcome());
      assertEquals(bytes, found.end().outputBytes());
      assertEquals(records == 1 ? null : new RecoveredJob.Birth(7, BORN), found.process());
      assertArrayEquals(Arrays.copyOf(written, bytes), Spooled.read(found.file(), 0));
      if (records < 6) {
        checkTotals(found, Arrays.copyOf(written, bytes));
      }
    }
    try (SpoolDirectory again = SpoolDirectory.open(root, 1 << 20)) {
      RecoveredJob found = again.recover().getFirst();
      assertEquals(records == 6 ? Outcome.EXITED : Outcome.LOST, found.end().outcome());
      assertArrayEquals(
          Arrays.copyOf(written, 20 * Math.clamp(records - 2, 0, 3)),
          Spooled.read(found.file(), 0));
      assertEquals(List.of(), openFiles());
    }
  }

  private List<Path> openFiles() throws IOException {
    List<Path> open = new ArrayList<>();
    try (DirectoryStream<Path> all = Files.newDirectoryStream(Path.of("/proc/self/fd"))) {
      for (Path descriptor : all) {
        Path file = Files.readSymbolicLink(descriptor);
        if (file.endsWith(JobFile.NAME) && file.startsWith(root)) {
          open.add(file);
        }
      }
    }
    return open;
  }

  private static void checkTotals(RecoveredJob found, byte[] written) {
    CRC32 crc = new CRC32();
    crc.update(written, 0, Math.min(20, written.length));
    if (written.length == 60) {
      crc.update(written, 40, 20);
    }
    assertEquals(crc.getValue(), found.end().stdout().crc32());
    assertEquals(written.length, found.end().stdout().bytes() + found.end().stderr().bytes());
  }

  @Test
  void neverGivesBackWhatIsNotWhatWasWritten() throws IOException {
    byte[] written;
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      written = Spooled.write(file, new Random(3), 12);
      file.end(Spooled.exited("a", 0, written.length), BORN);
    }
    Path path = root.resolve("a").resolve(JobFile.NAME);
    byte[] whole = Files.readAllBytes(path);
    for (int at = 0; at < whole.length; at++) {
      byte[] broken = whole.clone();
      broken[at] ^= 0x10;
      Files.createDirectories(path.getParent());
      Files.write(path, broken);
      try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
        for (RecoveredJob found : spools.recover()) {
          Spooled.check(found.file(), written);
        }
      }
    }
  }

  @Test
  void remembersAHole() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      file.append(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[10]));
      file.append(Stream.STDOUT, 50, ByteBuffer.wrap(new byte[10]));
      file.close();
    }
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = spools.recover().getFirst().file();
      assertEquals(9, file.available(9));
      assertEquals(50, file.available(10));
      assertEquals(60, file.available(60));
      assertEquals(60, file.end());
    }
  }

  @Test
  void hasRoomUpToItsLimitAndForItsEndBeyond() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      int job = RecordHeader.BYTES + Spooled.job("a").encode().length;
      JobFile file = Spooled.file(spools, job + 2 * RecordHeader.BYTES + 100);
      file.append(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[60]));
      assertEquals(40, file.room(60));
      file.append(Stream.STDOUT, 60, ByteBuffer.wrap(new byte[40]));
      assertEquals(0, file.room(100));
      file.end(Spooled.exited("a", 0, 100), BORN);
    }
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      assertEquals(Outcome.EXITED, spools.recover().getFirst().end().outcome());
    }
  }

  @Test
  void goesOnBehindWhatCouldNotBeWritten() throws IOException {
    FaultyDisk disk = new FaultyDisk();
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20, disk)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      file.append(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[] {1, 2, 3}));
      disk.fillUp(30);
      assertFalse(file.append(Stream.STDOUT, 3, ByteBuffer.wrap(new byte[40])));
      disk.empty();
      file.append(Stream.STDERR, 3, ByteBuffer.wrap(new byte[] {4}));
      assertArrayEquals(new byte[] {1, 2, 3, 4}, Spooled.read(file, 0));
      file.close();
    }
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      assertArrayEquals(
          new byte[] {1, 2, 3, 4}, Spooled.read(spools.recover().getFirst().file(), 0));
    }
  }

  @Test
  void readsNothingOfAFileThatIsGone() throws IOException {
    try (SpoolDirectory spools = SpoolDirectory.open(root, 1 << 20)) {
      JobFile file = Spooled.file(spools, 1 << 20);
      file.append(Stream.STDOUT, 0, ByteBuffer.wrap(new byte[10]));
      spools.delete(file);
      assertNull(file.read(0, 10));
      assertEquals(10, file.available(0));
      assertEquals(0, spools.usedBytes());
    }
  }
}
