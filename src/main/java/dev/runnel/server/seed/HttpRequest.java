package dev.runnel.server.seed;

import io.vertx.core.buffer.Buffer;
import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/** Tells a browser from a client: any web page may have one post to a loopback port. Any thread. */
final class HttpRequest {
  // With a name server of its own, a page may even choose the method; not what follows the target.
  private static final Pattern BEGINNING =
      Pattern.compile(
          "(GET|POST|PUT|HEAD|DELETE|OPTIONS|PATCH|CONNECT|TRACE) "
              + "|[^ \r\n]+ [^ \r\n]+ HTTP/1\\.[01]\r\n");

  /** One whose target is longer than what is looked at, so that what follows it is not seen. */
  private static final Pattern LONG = Pattern.compile("[^ \r\n]+ [^ \r\n]+");

  private HttpRequest() {}

  /** Whether a connection's first read is the beginning of one. */
  static boolean begins(Buffer read) {
    String text = read.toString(StandardCharsets.ISO_8859_1);
    return BEGINNING.matcher(text).lookingAt()
        || (text.length() >= SeedConnection.MAX_COMMAND_BYTES && LONG.matcher(text).matches());
  }
}
