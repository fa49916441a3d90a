package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A daemon with little memory, offered far more than that: what it has no room for, it leaves. */
@SuppressWarnings("NullAway.Init") // Set before each test.
@Tag("slow")
class SmallHeapTest {
  private static final List<String> LITTLE_MEMORY =
      List.of("-Xmx48m", "-XX:MaxDirectMemorySize=24m", "-XX:+ExitOnOutOfMemoryError");

  private final List<RawClient> clients = new ArrayList<>();
  private Daemon daemon;
  private int port;

  @BeforeEach
  void start() throws IOException {
    // A test that fails leaves floods, which only a watchdog ends.
    String[] arguments = {
      "--listen", "127.0.0.1:0", "--insecure", "--shutdown-grace", "1s", "--watchdog", "on"
    };
    daemon = Daemon.start(LITTLE_MEMORY, arguments);
    port = daemon.port();
  }

  @AfterEach
  void end() throws IOException {
    for (RawClient client : clients) {
      client.close();
    }
    daemon.close();
  }

  @Test
  void survivesAGigabyteForThoseWhoReadAndAreNotReading() throws Exception {
    offer(1_000);
  }

  @Test
  @Tag("long")
  @Timeout(600)
  void survivesTwentyGigabytesForThoseWhoReadAndAreNotReading() throws Exception {
    offer(20_000);
  }

  private void offer(int megabytes) throws Exception {
    for (int i = 0; i < 10; i++) {
      run(connect(), "exec cat /dev/zero");
    }
    RawClient reading = connect();
    run(reading, "exec dd if=/dev/zero bs=1000000 count=" + megabytes);
    assertEquals(megabytes * 1_000_000L, stdoutBytes(readToTheEnd(reading)));
    assertServes();
  }

  @Test
  void survivesManyWhoseOutputComesInTheSmallestPieces() throws Exception {
    for (int i = 0; i < 20; i++) {
      run(connect(), "while :; do printf o; printf e >&2; done");
    }
    RawClient reading = connect();
    run(reading, "i=0; while [ $i -lt 2000 ]; do printf o; printf e >&2; i=$((i+1)); done");
    assertEquals(2_000, stdoutBytes(readToTheEnd(reading)));
    assertServes();
  }

  @Test
  void servesThoseAmongThousandsOfIdleConnections() throws Exception {
    for (int i = 0; i < 2_000; i++) {
      RawClient client = connect();
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
    for (int i = 0; i < 2_000; i += 100) {
      run(clients.get(i), "echo hi");
      assertEquals(3, stdoutBytes(readToTheEnd(clients.get(i))));
    }
    assertServes();
  }

  @Test
  @Timeout(600)
  void servesThoseWhoSendWholeFramesAmongHundredsWhoNeverDo() throws Exception {
    for (int i = 0; i < 40; i++) {
      run(connect(), i % 2 == 0 ? "exec cat /dev/zero" : "while :; do echo o; done");
    }
    byte[] frame = RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[131_072]);
    for (int i = 0; i < 300; i++) {
      begin(connect(), Arrays.copyOf(frame, frame.length - 1));
    }
    // There is memory for some forty.
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(4);
    while (givenUp() < 200) {
      assertTrue(System.nanoTime() < deadline, () -> "given up: " + givenUp());
      LockSupport.parkNanos(200_000_000);
    }
    RawClient whole = connect();
    for (int i = 0; i < 20; i++) {
      whole.send(Arrays.copyOf(frame, 100_000));
      whole.send(Arrays.copyOfRange(frame, 100_000, frame.length));
      assertEquals("pong", whole.ask("'type':'ping'").type());
    }
    assertServes();
  }

  private static void begin(RawClient client, byte[] part) {
    try {
      client.send(part);
    } catch (IOException _) {
      return; // It was given up while it was sending.
    }
  }

  private long givenUp() {
    try {
      String why = "reason=frames not whole yet, of all connections: limit: ";
      return daemon.log().lines().filter(line -> line.contains(why)).count();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void assertServes() throws Exception {
    RawClient client = connect();
    run(client, "seq 1 100000; exit 5");
    Answer end = readToTheEnd(client);
    assertEquals(5, end.number("exit_code"));
    assertEquals(588_895, stdoutBytes(end));
    assertTrue(daemon.process().isAlive());
    daemon.process().destroy();
    assertEquals(0, daemon.exitCode(), daemon.log());
    assertTrue(daemon.log().lines().noneMatch(line -> line.contains("ERROR")), daemon.log());
  }

  private RawClient connect() throws IOException {
    RawClient client = new RawClient(port);
    clients.add(client);
    return client;
  }

  private static long stdoutBytes(Answer end) {
    return end.header().path("stdout").path("bytes").asLong();
  }

  private static void run(RawClient client, String line) throws IOException {
    client.send("", line);
  }

  private static Answer readToTheEnd(RawClient client) throws IOException {
    Answer answer = client.next();
    while (!answer.isFinal()) {
      answer = client.next();
    }
    return answer;
  }
}
