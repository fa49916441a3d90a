package dev.runnel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The seed listener as its clients meet it: PROTOCOL.md, "The seed listener". */
@Tag("slow")
class SeedTest {
  // An annotation takes constants only, so that 1,100 letters have to be put together.
  private static final String LETTERS_10 = "aaaaaaaaaa";
  private static final String LETTERS_110 =
      LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10
          + LETTERS_10;
  private static final String LETTERS_1100 =
      LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110
          + LETTERS_110;
  private static final String LONG_REQUEST =
      "QUERY /;touch$IFS/tmp/x;" + LETTERS_1100 + " HTTP/1.1\r\nHost: x\r\n";

  private static final Path RESOURCES = Path.of("src", "test", "resources");
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final int READ_BYTES = 1_024;
  private static final int MAX_QUEUED = 16;
  private static final int MAX_BODY_BYTES = 67_108_864;

  private static Daemon daemon;
  private static int port;

  private final Path folder;

  SeedTest(@TempDir Path folder) {
    this.folder = folder;
  }

  @BeforeAll
  static void start() throws Exception {
    daemon = serve();
    assertTrue(daemon.line().startsWith("listening on 127.0.0.1:"));
    String line = daemon.line();
    assertTrue(line.matches("seed listening on 127\\.0\\.0\\.1:[1-9][0-9]*"), line);
    port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  @AfterAll
  static void end() throws Exception {
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode());
    daemon.close();
  }

  @Test
  void originalClientGetsLongAndShortAnswersUnmixed() throws Exception {
    Tool.require("python3", "SeedTest.originalClientGetsLongAndShortAnswersUnmixed");
    Process client = python("seed_client.py", "127.0.0.1", "" + port);
    String shown =
        type(client, "head -c 100000 /dev/zero | tr '\\0' x\n\n  echo two \necho größer\nquit\n");
    assertEquals(">>> " + "x".repeat(100_000) + "\n>>> >>> two\n\n>>> größer\n\n>>> ", shown);
    assertEquals(0, client.waitFor());
  }

  @Test
  void originalClientFailsWhereItsAnswerIsNotWhole() throws Exception {
    Tool.require("python3", "SeedTest.originalClientFailsWhereItsAnswerIsNotWhole");
    Process client = python("seed_client.py", "127.0.0.1", "" + port);
    assertEquals(">>> ", type(client, "cat /dev/zero\nquit\n"));
    assertTrue(client.waitFor() != 0, "an answer that is none was taken for one");
  }

  @Test
  void promptOfTheGuideShowsWhatItSays() throws Exception {
    Tool.require("python3", "SeedTest.promptOfTheGuideShowsWhatItSays");
    String guide = Files.readString(Path.of("docs", "guide", "operating.md"));
    int start = guide.indexOf("\n>>> ", guide.indexOf("--seed-listen")) + 1;
    String told = guide.substring(start, guide.indexOf("```", start));
    StringBuilder typed = new StringBuilder();
    told.lines()
        .filter(line -> line.startsWith(">>> "))
        .forEach(line -> typed.append(line.substring(4)).append('\n'));
    Process client = python("seed_client.py", "127.0.0.1", "" + port);
    String shown = type(client, typed.toString());
    assertEquals(told.replaceAll("(?m)^>>> .*\n", ">>> "), shown);
  }

  /** What docs/sticky-packets.md tells is what really happens. */
  @Test
  void readerWithoutHeaderMixesAnswersThatTheOneWithItKeepsApart() throws Exception {
    Tool.require("python3", "SeedTest.readerWithoutHeaderMixesAnswers");
    Process both = python("sticky_packets.py", "" + port);
    String shown = shown(both);
    assertEquals(0, both.waitFor());
    assertTrue(shown.contains(">>> echo hello\n284 285 286 ... 537 538 539\n"), shown);
    assertTrue(shown.contains(">>> echo hello\nhello\n"), shown);
    String told = Files.readString(Path.of("docs", "sticky-packets.md"));
    assertTrue(told.contains("```\n" + shown + "```\n"), shown);
  }

  @Test
  void stdoutComesBeforeStderrWhateverWasWrittenFirst() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      assertEquals("out 1\nout 2\nerr\n", client.run("echo out 1; echo err >&2; echo out 2"));
      assertEquals("err\n", client.run("echo err >&2; exit 3"));
      assertEquals("", client.run("true"));
      assertEquals("killed\n", client.run("echo killed; kill -9 $$"));
    }
  }

  @Test
  void largeStreamsAreFaithfulAndInOrder() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      String answer = client.run("seq 200000 & seq 300000 >&2; wait");
      assertEquals(lines(200_000) + lines(300_000), answer);
    }
  }

  @Test
  void outputMayBeAnyBytes() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      client.send("printf '\\377\\000\\376'; printf '\\200' >&2");
      byte[] expected = {(byte) 0xff, 0, (byte) 0xfe, (byte) 0x80};
      assertArrayEquals(expected, client.answer());
    }
  }

  @Test
  void commandThatIsNotUtf8OrHoldsNulIsRefused() throws Exception {
    for (byte wrong : new byte[] {(byte) 0xff, 0}) {
      try (SeedClient client = new SeedClient(port)) {
        client.send(new byte[] {'e', 'c', 'h', 'o', ' ', wrong});
        assertTrue(client.isClosed());
      }
    }
  }

  @Test
  void answersUpTo64MibAndEndsWhatWritesMore() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      client.send("head -c " + MAX_BODY_BYTES + " /dev/zero");
      assertEquals(MAX_BODY_BYTES, client.answer().length);
      Path pid = folder.resolve("pid");
      client.send("echo $$ >" + pid + "; exec cat /dev/zero");
      assertTrue(client.isClosed());
      awaitEnd(pidIn(pid));
      awaitLog(daemon, "output: more than 67108864 bytes");
    }
    try (SeedClient client = new SeedClient(port)) {
      client.send("head -c " + (MAX_BODY_BYTES - 1) + " /dev/zero; printf 12 >&2");
      assertTrue(client.isClosed());
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "GET / HTTP/1.1\r\n",
        "POST /",
        "PUT x",
        "HEAD x",
        "DELETE x",
        "OPTIONS *",
        "PATCH x",
        "CONNECT x",
        "TRACE x",
        "touch /x HTTP/1.1\r\nHost: x\r\n",
        LONG_REQUEST
      })
  void browserIsTurnedAway(String request) throws Exception {
    long before = refusedBrowsers();
    try (SeedClient client = new SeedClient(port)) {
      client.send(request);
      assertTrue(client.isClosed());
    }
    until("one line of log", () -> refusedBrowsers() == before + 1);
  }

  @Test
  void onlyTheFirstReadIsTakenForABrowsers() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      assertEquals("GET\n", client.run("echo GET"));
      assertEquals("", client.run("GET () { :; }; GET"));
    }
  }

  @Test
  void disconnectEndsTheCommand() throws Exception {
    Path pid = folder.resolve("pid");
    try (SeedClient client = new SeedClient(port)) {
      client.send("echo $$ >" + pid + "; exec sleep 600");
      pidIn(pid);
    }
    awaitEnd(pidIn(pid));
  }

  /** As the original's own server did: what recv() returned was the command. */
  @Test
  void twoCommandsInOnePacketAreOneRead() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      assertEquals("aecho b\n", client.run("echo aecho b"));
      assertEquals("a\nb\n", client.run("echo a\necho b"));
      assertEquals("c\n", client.run("echo c"));
    }
  }

  @Test
  void whatIsBeyond1024BytesIsTheNextRead() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      String word = "x".repeat(READ_BYTES - "printf ".length());
      assertEquals(word, client.run("printf " + word + "echo second"));
      assertEquals("second\n", client.text());
    }
  }

  @Test
  void longCommandIsOneReadAfterManyShortOnes() throws Exception {
    try (SeedClient client = new SeedClient(port)) {
      for (int i = 0; i < 20; i++) {
        assertEquals("", client.run(":"));
      }
      String word = "x".repeat(1_000);
      assertEquals(word, client.run("printf " + word));
    }
  }

  @Test
  void commandsThatComeMeanwhileAreRunAfterwards() throws Exception {
    Path gate = folder.resolve("gate");
    try (SeedClient client = new SeedClient(port)) {
      client.send(padded(awaiting(gate) + "echo open"));
      for (int i = 0; i < MAX_QUEUED; i++) {
        client.send(padded("echo " + i));
      }
      Files.createFile(gate);
      assertEquals("open\n", client.text());
      for (int i = 0; i < MAX_QUEUED; i++) {
        assertEquals(i + "\n", client.text());
      }
    }
  }

  @Test
  void tooManyCommandsThatWaitEndTheConnection() throws Exception {
    Path pid = folder.resolve("pid");
    try (SeedClient client = new SeedClient(port)) {
      client.send(padded("echo $$ >" + pid + "; exec sleep 600"));
      pidIn(pid);
      for (int i = 0; i <= MAX_QUEUED; i++) {
        client.send(padded("echo " + i));
      }
      assertTrue(client.isClosed());
      awaitEnd(pidIn(pid));
      awaitLog(daemon, "commands that wait: limit: 16");
    }
  }

  @Test
  void answersTogetherHoldNoMoreThanTheyMay() throws Exception {
    try (Daemon small = serve("max_seed_bytes=1000000")) {
      int at = seedPort(small);
      Path gate = folder.resolve("gate");
      String command = "head -c 800000 /dev/zero; " + awaiting(gate) + ":";
      try (SeedClient one = new SeedClient(at);
          SeedClient other = new SeedClient(at)) {
        one.send(command);
        other.send(command);
        awaitLog(small, "output of all seed connections: limit: 1000000");
        Files.createFile(gate);
        assertEquals(1, answersOf(one, 800_000) + answersOf(other, 800_000));
      }
      for (int i = 0; i < 3; i++) {
        try (SeedClient client = new SeedClient(at)) {
          assertEquals(900_000, client.run("head -c 900000 /dev/zero").length());
          assertEquals(0, answersOf(client, "head -c 1100000 /dev/zero"));
        }
      }
    }
  }

  @Test
  void clientThatDoesNotReadItsAnswerIsCutOffAndItsPlaceIsFree() throws Exception {
    try (Daemon small = serve("frame_ms=1000", "max_connections=1");
        SeedClient client = new SeedClient(seedPort(small))) {
      client.send("head -c 60000000 /dev/zero");
      awaitLog(small, "answer: a piece not taken after 1000 ms");
      int at = client.port();
      until("a place", () -> isServed(at));
      assertThrows(IOException.class, client::answer);
    }
  }

  @Test
  void connectionsCountWithThoseOfTheOtherListeners() throws Exception {
    try (Daemon small = serve("max_connections=1")) {
      int framePort = small.port();
      int at = small.nextPort();
      try (SeedClient first = new SeedClient(at)) {
        assertEquals("in\n", first.run("echo in"));
        try (SeedClient second = new SeedClient(at)) {
          assertTrue(second.isClosed());
        }
        try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), framePort)) {
          String refusal = new String(socket.getInputStream().readAllBytes(), UTF_8);
          assertTrue(refusal.contains("too_many_connections"), refusal);
        }
      }
      until("a place", () -> isServed(at));
    }
  }

  @Test
  void jobsOfTheSeedListenerAreJobsLikeOthers() throws Exception {
    Path pid = folder.resolve("pid");
    try (Daemon own = serve("max_jobs=1")) {
      int at = seedPort(own);
      try (SeedClient client = new SeedClient(at);
          SeedClient second = new SeedClient(at)) {
        client.send("echo $$ >" + pid + "; exec sleep 600");
        pidIn(pid);
        second.send("echo too many");
        assertTrue(second.isClosed());
        awaitLog(own, "jobs: limit: 1");
        own.process().destroy();
        assertTrue(client.isClosed());
        assertEquals(0, own.exitCode());
        awaitEnd(pidIn(pid));
      }
    }
  }

  @Test
  void isThereForLoopbackAndTheInsecureOnly() throws Exception {
    refuses("0.0.0.0:7867", "--insecure");
    refuses("127.0.0.1:7867");
  }

  private static void refuses(String address, String... more) throws Exception {
    List<String> arguments = new ArrayList<>(List.of("--seed-listen", address));
    arguments.addAll(List.of(more));
    try (Daemon refused = Daemon.start(arguments.toArray(String[]::new))) {
      assertEquals(2, refused.exitCode());
      assertTrue(refused.log().contains(address + ": "), refused.log());
    }
  }

  private static Daemon serve(String... limits) throws Exception {
    List<String> arguments =
        new ArrayList<>(
            List.of("--listen", "127.0.0.1:0", "--insecure", "--seed-listen", "127.0.0.1:0"));
    arguments.addAll(List.of("--shutdown-grace", "0s"));
    for (String limit : limits) {
      arguments.addAll(List.of("--limit", limit));
    }
    return Daemon.start(arguments.toArray(String[]::new));
  }

  private static int seedPort(Daemon daemon) throws Exception {
    daemon.port();
    return daemon.nextPort();
  }

  private static Process python(String program, String... arguments) throws Exception {
    List<String> command = new ArrayList<>(List.of("python3", RESOURCES.resolve(program) + ""));
    command.addAll(List.of(arguments));
    return new ProcessBuilder(command).start();
  }

  private static String type(Process client, String text) throws Exception {
    try (OutputStream in = client.getOutputStream()) {
      in.write(text.getBytes(UTF_8));
    }
    return shown(client);
  }

  private static String shown(Process client) throws Exception {
    return new String(client.getInputStream().readAllBytes(), UTF_8);
  }

  private static String lines(int count) {
    StringBuilder lines = new StringBuilder();
    for (int i = 1; i <= count; i++) {
      lines.append(i).append('\n');
    }
    return lines.toString();
  }

  /** A command that fills a read, however many of them come in one packet. */
  private static String padded(String command) {
    return command + " ".repeat(READ_BYTES - command.length());
  }

  private static String awaiting(Path gate) {
    return "until [ -e " + gate + " ]; do sleep 0.01; done; ";
  }

  private static int answersOf(SeedClient client, String command) throws IOException {
    client.send(command);
    return client.isClosed() ? 0 : 1;
  }

  private static int answersOf(SeedClient client, int bytes) throws IOException {
    try {
      assertEquals(bytes, client.answer().length);
      return 1;
    } catch (EOFException | SocketException closed) {
      return 0;
    }
  }

  private static boolean isServed(int port) throws IOException {
    try (SeedClient client = new SeedClient(port)) {
      return client.run("echo in").equals("in\n");
    } catch (EOFException | SocketException refused) {
      return false;
    }
  }

  private static long refusedBrowsers() throws Exception {
    return daemon.log().lines().filter(line -> line.contains("an HTTP request")).count();
  }

  private static long pidIn(Path file) throws Exception {
    until("a pid in " + file, () -> Files.exists(file) && Files.readString(file).endsWith("\n"));
    return Long.parseLong(Files.readString(file).strip());
  }

  private static void awaitEnd(long pid) throws Exception {
    until("end of process " + pid, () -> ProcessHandle.of(pid).isEmpty());
  }

  private static void awaitLog(Daemon daemon, String words) throws Exception {
    until(words, () -> daemon.log().contains(words));
  }

  private static void until(String what, Callable<Boolean> condition) throws Exception {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.call()) {
      if (System.nanoTime() - deadline > 0) {
        fail("not within " + PATIENCE + ": " + what + "; log: " + daemon.log());
      }
      LockSupport.parkNanos(5_000_000);
    }
  }
}
