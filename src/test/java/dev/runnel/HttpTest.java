package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.settings.ServeWords;
import dev.runnel.settings.SettingsException;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The HTTP listener of a daemon, as probes and strangers meet it. */
@Tag("either")
@Tag("slow")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
@SuppressWarnings("NullAway.Init") // Set before all tests.
class HttpTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int MAX_OF_SOURCE = 16;

  @TempDir private static Path folder;
  private Daemon daemon;
  private int port;
  private int securePort;
  private TlsFiles client;

  @BeforeAll
  void serve() throws Exception {
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    client = new TlsFiles(folder.resolve("ca.crt"), null, null);
    Path unready = Files.createDirectories(folder.resolve("recordings"));
    daemon =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--http",
            "127.0.0.1:0",
            "--audit",
            "" + folder.resolve("audit"),
            "--record-dir",
            "" + unready,
            "--state-dir",
            "" + folder.resolve("state"));
    var _ = daemon.port();
    port = daemon.nextPort();
  }

  @AfterAll
  void end() throws Exception {
    daemon.close();
  }

  /** An answer: its status, and what follows its headers. */
  record Answer(int status, String body) {}

  private static Answer ask(Socket socket, String request) throws IOException {
    socket.setSoTimeout(30_000);
    socket.getOutputStream().write(request.getBytes(StandardCharsets.ISO_8859_1));
    String text = new String(socket.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    String body = text.substring(text.indexOf("\r\n\r\n") + 4);
    return new Answer(Integer.parseInt(text.substring(9, 12)), body);
  }

  private static Answer get(int port, String path) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return ask(socket, "GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }
  }

  private static Map<String, String> checks(Answer answer) throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (JsonNode check : JSON.readTree(answer.body()).get("checks")) {
      found.put(check.get("id").asText(), check.get("status").asText());
    }
    return found;
  }

  @Test
  void probesNameWhatTheyHaveLookedAt() throws Exception {
    Answer live = get(port, "/livez");
    assertEquals(200, live.status(), live.body());
    assertEquals(Map.of("process_loop", "UP"), checks(live));
    Path recordings = folder.resolve("recordings");
    awaitStatus(200, "/readyz");
    assertEquals(
        Map.of(
            "accepting", "UP",
            "audit", "UP",
            "process_loop", "UP",
            "recordings", "UP",
            "spool", "UP",
            "workers", "UP"),
        checks(get(port, "/readyz")));

    // A disk that can't be written: of root's, no mode of a folder keeps anything away.
    Path aside = folder.resolve("aside");
    Files.move(recordings, aside);
    Answer unready = awaitStatus(503, "/readyz");
    assertEquals("DOWN", checks(unready).get("recordings"), unready.body());
    assertEquals("UP", checks(unready).get("spool"), unready.body());
    assertEquals(200, get(port, "/livez").status());
    Files.move(aside, recordings);
    var _ = awaitStatus(200, "/readyz");
  }

  private Answer awaitStatus(int status, String path) throws IOException {
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    Answer answer = get(port, path);
    while (answer.status() != status) {
      assertTrue(System.nanoTime() < deadline, answer.toString());
      LockSupport.parkNanos(50_000_000);
      answer = get(port, path);
    }
    return answer;
  }

  private static String scrape(int port, String authorization) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      return ask(socket, scrapeRequest(authorization)).body();
    }
  }

  private static String scrapeRequest(String authorization) {
    return "GET /metrics HTTP/1.0\r\nHost: x\r\n" + authorization + "\r\n";
  }

  private static Map<String, Double> samples(String page) {
    Map<String, Double> found = new TreeMap<>();
    for (String line : page.lines().filter(line -> !line.startsWith("#")).toList()) {
      int space = line.lastIndexOf(' ');
      found.put(line.substring(0, space), Double.valueOf(line.substring(space + 1)));
    }
    return found;
  }

  @Test
  void metricsTellWhatJobsDidAndAreThoseOfThePage() throws Exception {
    Launcher.Ran ran =
        Launcher.ofCheckout(Path.of("").toAbsolutePath())
            .run(
                "exec",
                "-H",
                "127.0.0.1:" + daemon.port(),
                "--",
                "/bin/sh",
                "-c",
                "echo 12345; exit 3");
    assertEquals(3, ran.exitCode(), ran.err());
    String page = scrape(port, "");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (samples(page).getOrDefault("runnel_jobs_ended_total{outcome=\"exited\"}", 0.0) != 1) {
      assertTrue(System.nanoTime() < deadline, page);
      page = scrape(port, "");
    }
    Map<String, Double> now = samples(page);
    assertEquals(6, now.get("runnel_output_bytes_total{stream=\"stdout\"}"), page);
    assertEquals(1, now.get("runnel_start_latency_seconds_count"), page);
    assertEquals(1, now.get("runnel_job_duration_seconds_bucket{le=\"+Inf\"}"), page);
    assertEquals(1, now.get("runnel_jobs{state=\"ended\"}"), page);
    assertTrue(now.getOrDefault("process_cpu_seconds_total", 0.0) > 0, page);

    String guide = Files.readString(Path.of("docs", "guide", "monitoring.md"));
    Pattern type = Pattern.compile("^# TYPE (\\S+) ", Pattern.MULTILINE);
    List<String> ours =
        type.matcher(page)
            .results()
            .map(match -> match.group(1))
            .filter(name -> name.startsWith("runnel_") && !name.endsWith("_max"))
            .toList();
    for (String name : ours) {
      assertTrue(guide.contains("`" + name + "`"), name + " is not in the guide");
    }
    Pattern named = Pattern.compile("`(runnel_[a-z_]+)`");
    List<String> told = named.matcher(guide).results().map(match -> match.group(1)).toList();
    assertEquals(told.stream().sorted().toList(), ours.stream().sorted().toList());
  }

  @Test
  void promtoolFindsNothingWrongWithTheMetrics() throws Exception {
    Tool.require("promtool", "HttpTest.promtoolFindsNothingWrongWithTheMetrics");
    String page = scrape(port, "");
    Path file = Files.writeString(folder.resolve("metrics"), page);
    Process check =
        new ProcessBuilder("promtool", "check", "metrics")
            .redirectInput(file.toFile())
            .redirectErrorStream(true)
            .start();
    String said = new String(check.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, check.waitFor(), said);
  }

  @Test
  void whatIsNotAskedForIsNotAnswered() throws Exception {
    assertEquals(404, get(port, "/").status());
    assertEquals(404, get(port, "/livez/x").status());
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      // No more of it is read: the connection is closed, though the body is not there.
      String post = "POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n";
      assertEquals(405, ask(socket, post).status());
    }
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      String large = "GET /livez HTTP/1.1\r\nHost: x\r\nX: " + "x".repeat(9_000) + "\r\n\r\n";
      assertEquals(431, ask(socket, large).status());
    }
  }

  @Test
  void oneSourceHasFewConnections() throws Exception {
    List<Socket> open = new ArrayList<>();
    try {
      for (int i = 0; i < MAX_OF_SOURCE; i++) {
        open.add(new Socket(InetAddress.getLoopbackAddress(), port));
      }
      Socket last = new Socket(InetAddress.getLoopbackAddress(), port);
      open.add(last);
      last.setSoTimeout(30_000);
      assertEquals(-1, last.getInputStream().read());
    } finally {
      for (Socket socket : open) {
        socket.close();
      }
    }
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
    while (!isAnswered()) {
      assertTrue(System.nanoTime() < deadline, "places are not given back");
    }
  }

  private boolean isAnswered() {
    try {
      return get(port, "/livez").status() == 200;
    } catch (IOException | StringIndexOutOfBoundsException _) {
      return false;
    }
  }

  @Test
  void speaksTlsWithTheSameFilesAndTokensAndHandshakesAreFewToo() throws Exception {
    NewToken token = Tokens.create("prometheus");
    Path tokens = Files.writeString(folder.resolve("tokens"), token.line() + "\n");
    try (Daemon secure =
        Daemon.start(
            "--listen",
            "127.0.0.1:0",
            "--insecure",
            "--tls-cert",
            "" + folder.resolve("server.crt"),
            "--tls-key",
            "" + folder.resolve("server.key"),
            "--tokens",
            "" + tokens,
            "--http",
            "0.0.0.0:0")) {
      var _ = secure.port();
      securePort = secure.nextPort();
      assertEquals(200, getOverTls("/livez", ""));
      assertEquals(401, getOverTls("/metrics", ""));
      assertEquals(401, getOverTls("/metrics", "Authorization: Bearer wrong\r\n"));
      assertEquals(200, getOverTls("/metrics", "Authorization: Bearer " + token.secret() + "\r\n"));
      List<Socket> silent = new ArrayList<>();
      for (int i = 0; i < MAX_OF_SOURCE; i++) {
        silent.add(new Socket(InetAddress.getLoopbackAddress(), securePort));
      }
      Socket last = new Socket(InetAddress.getLoopbackAddress(), securePort);
      last.setSoTimeout(30_000);
      assertEquals(-1, last.getInputStream().read());
      // Those that never say anything are gone after the time for a handshake.
      for (Socket socket : silent) {
        socket.setSoTimeout(30_000);
        assertEquals(-1, socket.getInputStream().read());
      }
      assertEquals(200, getOverTls("/livez", ""));
      last.close();
    }
  }

  private int getOverTls(String path, String header) throws Exception {
    Socket plain = new Socket(InetAddress.getLoopbackAddress(), securePort);
    try (Socket socket =
        client.context().getSocketFactory().createSocket(plain, "localhost", securePort, true)) {
      return ask(socket, "GET " + path + " HTTP/1.0\r\nHost: x\r\n" + header + "\r\n").status();
    }
  }

  @Test
  void onAnAddressThatOthersReachNeedsTls() throws Exception {
    for (String where : List.of("0.0.0.0:1", "[::]:1", "192.0.2.1:1")) {
      String words =
          assertThrows(
                  SettingsException.class,
                  () -> ServeWords.parse(List.of("--http", where), Map.of()))
              .getMessage();
      assertTrue(String.valueOf(words).contains("in clear; give --tls-cert"), words);
      String unread =
          assertThrows(
                  SettingsException.class,
                  () ->
                      ServeWords.parse(
                          List.of("--http", where, "--tls-cert", "c", "--tls-key", "k"), Map.of()))
              .getMessage();
      assertTrue(String.valueOf(unread).contains("--metrics open|off"), unread);
      assertTrue(
          ServeWords.parse(List.of("--http", where, "--insecure"), Map.of()).listen().size() == 1);
    }
    for (String where : List.of("127.0.0.1:1", "[::1]:1", "unix:/x")) {
      var _ = ServeWords.parse(List.of("--http", where), Map.of());
    }
  }

  @Test
  void withoutItNoClassOfItIsLoaded() throws Exception {
    Path classes = folder.resolve("classes");
    try (Daemon without =
        Daemon.start(
            List.of("-Xmx128m", "-Xlog:class+load:file=" + classes),
            "--listen",
            "127.0.0.1:0",
            "--insecure")) {
      var _ = without.port();
      Pattern theirs =
          Pattern.compile(
              "(dev\\.runnel\\.(http|metrics)\\.|dev\\.runnel\\.daemon\\.HttpWiring"
                  + "|io\\.micrometer\\.|io\\.prometheus\\.|io\\.vertx\\.ext\\.)\\S*");
      try (var lines = Files.lines(classes)) {
        List<String> loaded =
            lines
                .map(theirs::matcher)
                .filter(java.util.regex.Matcher::find)
                .map(match -> match.group())
                .toList();
        assertEquals(List.of(), loaded);
      }
    }
  }
}
