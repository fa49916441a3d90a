package dev.runnel.server.seed;

import dev.runnel.job.RejectedException;
import dev.runnel.model.ErrorCode;
import io.vertx.core.buffer.Buffer;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The command that a read is. Any thread. */
final class ShellLine {
  private ShellLine() {}

  /**
   * The line, as it came: its line end, if it has one, is the shell's to see.
   *
   * @throws RejectedException if it is not UTF-8, or if no argument can hold it
   */
  static String decode(Buffer read) throws RejectedException {
    String line;
    try {
      line =
          StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(read.getBytes())).toString();
    } catch (CharacterCodingException _) {
      throw new RejectedException(ErrorCode.BAD_REQUEST, "command: not UTF-8");
    }
    if (line.indexOf('\0') >= 0) {
      throw new RejectedException(ErrorCode.BAD_REQUEST, "command: NUL in it");
    }
    return line;
  }
}
