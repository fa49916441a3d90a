package dev.runnel.http;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.vertx.core.Future;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.HttpServerRequest;
import io.vertx.core.http.HttpServerResponse;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * The files of the console, as they were built into the jar: src/main/console. They are read once
 * and are the same for everybody, as they hold nothing of a node: what the page shows comes over
 * frames. Loaded with {@code --console} alone; any thread.
 */
public final class ConsoleFiles {
  private static final String FOLDER = "/console/";
  private static final String LIST = "files";
  private static final String PAGE = "index.html";

  /** A file whose name has the digest of its content is never another one. */
  private static final String FOREVER = "public, max-age=31536000, immutable";

  private static final String ASK_FIRST = "no-cache";

  // No code, no style and no address but the server's own; nobody frames it, and no text becomes
  // markup: the page makes its elements one by one, and the browser holds it to that.
  private static final Map<String, String> HEADERS =
      Map.of(
          "Content-Security-Policy",
          "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src"
              + " data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
              + " require-trusted-types-for 'script'; trusted-types 'none'",
          "X-Content-Type-Options",
          "nosniff",
          "X-Frame-Options",
          "DENY",
          "Referrer-Policy",
          "no-referrer",
          "Cross-Origin-Opener-Policy",
          "same-origin",
          "Cross-Origin-Resource-Policy",
          "same-origin");

  private final Map<String, ConsoleFile> files = new HashMap<>();

  private ConsoleFiles() {}

  private record ConsoleFile(
      String type, String etag, String caching, Buffer plain, Buffer compressed) {}

  /**
   * Reads them.
   *
   * @throws FileNotFoundException if the jar was built without, saying what to do
   */
  public static ConsoleFiles load() throws IOException {
    ConsoleFiles console = new ConsoleFiles();
    String list = new String(read(LIST).getBytes(), UTF_8);
    for (String line : list.lines().toList()) {
      List<String> words = List.of(line.split("\t", -1));
      console.add(words.get(0), words.get(1), words.get(2));
    }
    return console;
  }

  private void add(String name, String digest, String type) throws IOException {
    String caching = name.contains("-") ? FOREVER : ASK_FIRST;
    ConsoleFile file =
        new ConsoleFile(type, '"' + digest + '"', caching, read(name), read(name + ".gz"));
    files.put(name.equals(PAGE) ? "/" : "/" + name, file);
  }

  private static Buffer read(String name) throws IOException {
    try (InputStream stream = ConsoleFiles.class.getResourceAsStream(FOLDER + name)) {
      if (stream == null) {
        throw new FileNotFoundException(
            "this build has no console, as there was no npm, or no package of it; build"
                + " where there is Node.js with npm and its registry can be reached");
      }
      return Buffer.buffer(stream.readAllBytes());
    }
  }

  /**
   * Answers a request for one of them.
   *
   * @param onTaken told when the answer was
   * @return whether there is such a file
   */
  boolean answer(HttpServerRequest request, Consumer<HttpConnection> onTaken) {
    ConsoleFile file = files.get(request.path());
    if (file == null) {
      return false;
    }
    HttpServerResponse response = request.response();
    HEADERS.forEach(response::putHeader);
    response
        .putHeader("Cache-Control", file.caching())
        .putHeader("Vary", "Accept-Encoding")
        .putHeader("ETag", file.etag());
    HttpConnection connection = request.connection();
    var _ = send(request, file).onSuccess(_ -> onTaken.accept(connection));
    return true;
  }

  private static Future<Void> send(HttpServerRequest request, ConsoleFile file) {
    HttpServerResponse response = request.response();
    if (file.etag().equals(request.getHeader("If-None-Match"))) {
      return response.setStatusCode(304).end();
    }
    response.putHeader("Content-Type", file.type());
    if (takesGzip(request.getHeader("Accept-Encoding"))) {
      return response.putHeader("Content-Encoding", "gzip").end(file.compressed());
    }
    return response.end(file.plain());
  }

  private static boolean takesGzip(@Nullable String accepted) {
    return accepted != null && accepted.matches("(?i)(.*[, ])?gzip *(,.*)?");
  }
}
