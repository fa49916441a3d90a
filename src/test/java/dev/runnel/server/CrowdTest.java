package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What peers that ask and do not read do to one that does: nothing. All of them at once, each kind
 * with a principal of its own.
 */
@Tag("either")
@Tag("slow")
class CrowdTest {
  private static final List<String> NAMES =
      List.of("victim", "refused", "lister", "watcher", "asker", "pinger");
  private static final int BIG_BYTES = 200_000;

  private final Path folder;
  private final List<NewToken> tokens = new ArrayList<>();
  private final List<Crowd> crowds = new ArrayList<>();

  CrowdTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @AfterEach
  void close() throws Exception {
    for (Crowd crowd : crowds) {
      crowd.end();
    }
  }

  private Daemon start(boolean tls, List<String> options) throws Exception {
    StringBuilder lines = new StringBuilder();
    for (String name : NAMES) {
      NewToken token = Tokens.create(name);
      tokens.add(token);
      lines.append(token.line()).append('\n');
    }
    Path file = Files.writeString(folder.resolve("tokens"), lines);
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            """
            rules:
              - name: any
                principals: [victim, watcher]
                shell: true
              - name: one
                principals: [lister]
                commands: [["true"]]
              - name: words
                principals: [asker]
                commands: [["true", "**"]]
            """);
    TestCa ca = new TestCa("ca");
    Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost").write(folder, "server");
    List<String> arguments = new ArrayList<>(List.of("--listen", "127.0.0.1:0"));
    arguments.addAll(List.of("--tokens", "" + file, "--policy", "" + policy));
    if (tls) {
      arguments.addAll(List.of("--tls-cert", "" + folder.resolve("server.crt")));
      arguments.addAll(List.of("--tls-key", "" + folder.resolve("server.key")));
    }
    return Daemon.start(options, arguments.toArray(String[]::new));
  }

  /** A way to a server. */
  private interface Way {
    Socket connect(String from) throws Exception;
  }

  private Way way(int port, boolean tls) throws Exception {
    if (!tls) {
      return from -> Elsewhere.connect(from, port);
    }
    SSLContext context = new TlsFiles(folder.resolve("ca.crt"), null, null).context();
    return from ->
        context
            .getSocketFactory()
            .createSocket(Elsewhere.connect(from, port), "localhost", port, true);
  }

  private Crowd crowd(String name, Way way) {
    int number = NAMES.indexOf(name);
    Crowd crowd = new Crowd(() -> way.connect("127.0.1." + number), tokens.get(number).secret());
    crowds.add(crowd);
    return crowd;
  }

  private void attack(Way way, double scale) throws Exception {
    Crowd refused = crowd("refused", way);
    String boot = "b".repeat(950);
    refused.ask(of(140, scale), 5_000, "'argv':['true'],'boot':'" + boot + "'");

    Crowd lister = crowd("lister", way);
    for (int i = 0; i < of(1_000, scale); i++) {
      lister.run("'argv':['true']", "", "end");
    }
    lister.ask(of(358, scale), 200, "'type':'jobs'");

    Crowd watcher = crowd("watcher", way);
    String job =
        watcher.run(
            "'retain':33554432,'on_full':'drop'",
            "head -c 33554432 /dev/zero; exec sleep 600",
            "output");
    watcher.ask(of(400, scale), 10, "'type':'attach','from':0,'job':'" + job + "'");

    Crowd asker = crowd("asker", way);
    String long_ = "x".repeat(30_000);
    String told = asker.run("'argv':['true','" + long_ + "']", "", "end");
    asker.ask(of(140, scale), 2_000, "'type':'status','job':'" + told + "'");

    Crowd pinger = crowd("pinger", way);
    pinger.ask(of(140, scale), 20_000, "'type':'ping'");
  }

  private static int of(int most, double scale) {
    return (int) Math.ceil(most * scale);
  }

  /** How long each of so many commands took, in nanoseconds, sorted; none fails. */
  private long[] serve(Way way, int commands) throws Exception {
    Crowd victim = crowd("victim", way);
    long[] took = new long[commands];
    for (int i = 0; i < commands; i++) {
      long begin = System.nanoTime();
      try (RawClient client = victim.client()) {
        client.send("'id':'r'", i % 20 == 7 ? "head -c " + BIG_BYTES + " /dev/zero" : "true");
        RawClient.Ran ran = client.finish("r");
        assertEquals("exited", ran.end().path("outcome").asText());
        assertEquals(0, ran.end().path("exit_code").asInt());
        assertEquals(i % 20 == 7 ? BIG_BYTES : 0, ran.stdout().length);
      }
      took[i] = System.nanoTime() - begin;
    }
    Arrays.sort(took);
    return took;
  }

  private static long p99(long[] sorted) {
    return sorted[sorted.length * 99 / 100];
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void whoReadsIsServedWhoeverElseDoesNot(boolean tls) throws Exception {
    List<String> small =
        List.of(
            "-Xmx96m", "-XX:MaxDirectMemorySize=96m", "-Dio.netty.maxDirectMemory=" + (64 << 20));
    try (Daemon daemon = start(tls, small)) {
      Way way = way(daemon.port(), tls);
      attack(way, 0.3);
      serve(way, 100);
      assertFalse(daemon.log().contains("OutOf"), daemon.log());
    }
  }

  @Test
  @Tag("long")
  @Timeout(600)
  void ninetyNineOfAHundredCommandsTakeNoTenTimesAsLong() throws Exception {
    for (boolean tls : new boolean[] {false, true}) {
      tokens.clear();
      List<String> options =
          List.of(
              "-Xmx256m",
              "-Xmn32m",
              "-XX:MaxDirectMemorySize=320m",
              "-Dio.netty.maxDirectMemory=" + (256 << 20));
      try (Daemon daemon = start(tls, options)) {
        Way way = way(daemon.port(), tls);
        serve(way, 200);
        long[] quiet = serve(way, 400);
        attack(way, 1);
        long[] attacked = serve(way, 1_000);
        long[] later = serve(way, 400);
        System.out.printf(
            "tls=%s quiet p50=%.1f p99=%.1f ms, attacked p50=%.1f p99=%.1f max=%.1f ms, later p50=%.1f p99=%.1f ms%n",
            tls,
            quiet[200] / 1e6,
            p99(quiet) / 1e6,
            attacked[500] / 1e6,
            p99(attacked) / 1e6,
            attacked[999] / 1e6,
            later[200] / 1e6,
            p99(later) / 1e6);
        for (Crowd crowd : crowds) {
          System.out.printf("  open=%d lost=%d%n", crowd.open(), crowd.lost());
        }
        System.out.println("  " + resident(daemon));
        assertTrue(p99(attacked) < 10 * p99(quiet));
        assertTrue(p99(later) < 10 * p99(quiet));
      }
      close();
      crowds.clear();
    }
  }

  private static String resident(Daemon daemon) throws IOException {
    String memory =
        Files.readAllLines(Path.of("/proc/" + daemon.process().pid() + "/status")).stream()
            .filter(line -> line.startsWith("VmRSS") || line.startsWith("VmHWM"))
            .toList()
            .toString();
    String sockets =
        Files.readAllLines(Path.of("/proc/net/sockstat")).stream()
            .filter(line -> line.startsWith("TCP"))
            .toList()
            .toString();
    return memory + " " + sockets;
  }
}
