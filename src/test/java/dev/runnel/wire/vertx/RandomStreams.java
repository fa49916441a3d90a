package dev.runnel.wire.vertx;

import dev.runnel.wire.RawFrames;
import dev.runnel.wire.Vectors;
import dev.runnel.wire.Vectors.Vector;
import java.util.Arrays;
import java.util.List;
import java.util.random.RandomGenerator;

/** Streams of valid frames, some of them spoilt. */
final class RandomStreams {
  private static final List<byte[]> SEEDS =
      Vectors.all().stream().filter(v -> v.error() == null).map(Vector::bytes).toList();
  private static final List<String> NUMBERS =
      List.of(
          "0",
          "1",
          "2",
          "-1",
          "-0",
          "00",
          "07",
          "1.0",
          "1e3",
          "true",
          "null",
          "\"7\"",
          "[7]",
          "131072",
          "131073",
          "4294967295",
          "9007199254740991",
          "9007199254740992",
          "99999999999999999999");
  private static final List<String> PIECES =
      List.of(
          "{",
          "}",
          "[",
          "]",
          ",",
          ":",
          "\"",
          "\\",
          " ",
          "\0",
          "\ufeff",
          "{}",
          "[[",
          "\"id\":7,",
          "\"id\":\"a\",",
          "\"total_size\":0,",
          "\"x-a\":{\"a\":[1.5,null]},",
          "\\ud83d",
          "é",
          "😀",
          "\n",
          "/**/",
          "NaN",
          "-",
          "e1",
          ".0");
  private static final int[] LENGTHS = {
    0, 1, 2, 3, 65_535, 65_536, 65_537, 0x00FFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF
  };

  private final RandomGenerator random;

  RandomStreams(RandomGenerator random) {
    this.random = random;
  }

  byte[] next() {
    byte[][] frames = new byte[random.nextInt(6)][];
    for (int i = 0; i < frames.length; i++) {
      frames[i] = frame();
    }
    byte[] stream = RawFrames.concat(frames);
    for (int i = random.nextInt(3); i > 0; i--) {
      stream = spoil(stream);
    }
    return stream;
  }

  private byte[] frame() {
    return switch (random.nextInt(7)) {
      case 0, 1, 2 -> SEEDS.get(random.nextInt(SEEDS.size()));
      case 3 -> RawFrames.frame(header(oneOf(NUMBERS), oneOf(PIECES)));
      case 4 -> sized(random.nextInt(3_000));
      case 5 -> RawFrames.frame("{\"total_size\":" + oneOf(NUMBERS) + "}");
      default -> nested(random.nextInt(40));
    };
  }

  private String header(String number, String piece) {
    return switch (random.nextInt(4)) {
      case 0 -> "{\"total_size\":" + number + "}";
      case 1 -> "{\"id\":" + number + ",\"total_size\":0}";
      case 2 -> "{\"x-a\":" + number + "," + piece + "\"total_size\":0}";
      default -> "{\"total_size\":0}" + piece;
    };
  }

  private byte[] sized(int size) {
    int bytes = random.nextInt(50) == 0 ? 131_072 : size;
    String id = "i".repeat(random.nextInt(70));
    return RawFrames.frame(
        "{\"id\":\"" + id + "\",\"total_size\":" + bytes + "}", RawFrames.body(bytes));
  }

  private byte[] nested(int depth) {
    return RawFrames.frame(
        "{\"x-a\":" + "[".repeat(depth) + "]".repeat(depth) + ",\"a\":0,\"total_size\":0}");
  }

  private byte[] spoil(byte[] stream) {
    if (stream.length == 0) {
      return stream;
    }
    int at = random.nextInt(stream.length);
    byte[] before = Arrays.copyOf(stream, at);
    byte[] after = Arrays.copyOfRange(stream, at, stream.length);
    return switch (random.nextInt(7)) {
      case 0 -> before;
      case 1 -> RawFrames.concat(before, new byte[] {(byte) random.nextInt()}, after);
      case 2 -> RawFrames.concat(before, Arrays.copyOfRange(after, 1, after.length));
      case 3 -> flipped(stream, at);
      case 4 -> RawFrames.concat(before, RawFrames.littleEndian(oneLength()), after);
      case 5 -> replaced(stream, at, RawFrames.utf8(oneOf(PIECES)));
      default -> replaced(stream, 0, RawFrames.littleEndian(oneLength()));
    };
  }

  private byte[] flipped(byte[] stream, int at) {
    byte[] copy = stream.clone();
    copy[at] ^= (byte) (1 << random.nextInt(8));
    return copy;
  }

  private static byte[] replaced(byte[] stream, int at, byte[] piece) {
    byte[] copy = stream.clone();
    System.arraycopy(piece, 0, copy, at, Math.min(piece.length, copy.length - at));
    return copy;
  }

  private String oneOf(List<String> list) {
    return list.get(random.nextInt(list.size()));
  }

  private int oneLength() {
    return LENGTHS[random.nextInt(LENGTHS.length)];
  }
}
