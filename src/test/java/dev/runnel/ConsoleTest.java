package dev.runnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The console of a daemon: its files as any client gets them, its views in headless Chromium. */
@SuppressWarnings("NullAway.Init") // Set before all tests.
@Timeout(300)
@Tag("either")
@Tag("slow")
class ConsoleTest {
  private static final Path BUILT = Path.of("target", "classes", "console", "files");
  private static final Path PACKAGES = Path.of("target", "console", "node_modules");
  private static final int MAX_PAGE_BYTES = 400_000;

  @TempDir private static Path folder;
  private static Daemon daemon;
  private static String page;
  private static String token;

  @BeforeAll
  static void startDaemon() throws Exception {
    Tool.require("npm", "ConsoleTest");
    if (!Files.exists(BUILT)) {
      Tool.leaveOut("the console was not built", "ConsoleTest");
    }
    NewToken made = Tokens.create("operator");
    token = made.secret();
    Files.writeString(folder.resolve("tokens"), made.line() + "\n");
    daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--tokens",
            "" + folder.resolve("tokens"),
            "--http",
            "127.0.0.1:0",
            "--console");
    assertTrue(daemon.port() > 0);
    page = "http://127.0.0.1:" + daemon.nextPort() + "/";
  }

  @AfterAll
  static void stopDaemon() throws Exception {
    if (daemon != null) {
      daemon.close();
    }
  }

  @Test
  void everythingIsServedUnderAPolicyWithoutInlineCodeAndCachedByItsDigest() throws Exception {
    HttpResponse<String> index = get("");
    assertEquals(200, index.statusCode());
    for (String rule :
        List.of("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")) {
      assertTrue(header(index, "content-security-policy").contains(rule), rule);
    }
    assertTrue(!header(index, "content-security-policy").contains("unsafe"));
    assertEquals("nosniff", header(index, "x-content-type-options"));
    assertEquals("no-cache", header(index, "cache-control"));
    assertTrue(index.headers().firstValue("set-cookie").isEmpty());
    assertEquals(
        304, get("", "If-None-Match", header(index, "etag")).statusCode(), header(index, "etag"));
    long bytes = 0;
    Matcher named = Pattern.compile("(?:href|src)=\"(console-[^\"]+)\"").matcher(index.body());
    while (named.find()) {
      HttpResponse<String> file = get(named.group(1), "Accept-Encoding", "gzip");
      assertEquals("gzip", header(file, "content-encoding"));
      assertTrue(header(file, "cache-control").contains("immutable"));
      bytes += Long.parseLong(header(file, "content-length"));
    }
    assertTrue(bytes > 10_000 && bytes <= MAX_PAGE_BYTES, bytes + " bytes");
    assertEquals(404, get("console/files").statusCode());
    assertEquals(404, get("../files").statusCode());
  }

  @Test
  void theSourcesHaveNoWrongTypes() throws Exception {
    run("node", PACKAGES + "/typescript/bin/tsc", "-p", "src/main/console");
  }

  @Test
  void theViewsDoWhatTheySayInABrowser() throws Exception {
    Tool.require("chromium", "ConsoleTest");
    run("node", "--test", "src/test/console/console.test.mjs");
  }

  private static HttpResponse<String> get(String path, String... headers) throws Exception {
    HttpRequest.Builder request = HttpRequest.newBuilder(URI.create(page + path));
    if (headers.length > 0) {
      request.headers(headers);
    }
    try (HttpClient client = HttpClient.newHttpClient()) {
      return client.send(request.build(), BodyHandlers.ofString());
    }
  }

  private static String header(HttpResponse<String> response, String name) {
    String value = response.headers().firstValue(name).orElse(null);
    assertNotNull(value, name);
    return value;
  }

  private static void run(String... command) throws Exception {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().keySet().removeIf(name -> name.startsWith("RUNNEL_"));
    builder.environment().put("RUNNEL_TEST_SERVER", "127.0.0.1:" + daemon.port());
    builder.environment().put("RUNNEL_TEST_PAGE", page);
    builder.environment().put("RUNNEL_TEST_TOKEN", token);
    String shots = System.getenv("RUNNEL_TEST_SHOTS");
    if (shots != null) {
      builder.environment().put("RUNNEL_TEST_SHOTS", shots);
    }
    Process process = builder.start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertEquals(0, process.waitFor(), output);
  }
}
