package dev.runnel.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.cli.JobControl.Parting;
import dev.runnel.model.JobId;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What is asked of a job while its connection is lost, or just made anew. */
@NullMarked
@Tag("slow")
class JobControlTest {
  private final ServerSocket server;
  private final Host host;
  private final CurrentConnection link;
  private final JobControl control;

  JobControlTest() throws Exception {
    server = new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
    host = new Host.Tcp("127.0.0.1", server.getLocalPort());
    link = new CurrentConnection(connect());
    control = new JobControl(link, Parting.CANCEL, null);
  }

  private BlockingConnection connect() throws Failure {
    return Connector.connect(
        host,
        new Target(host, null, null, Duration.ofSeconds(30), null, Target.Defaults.NONE, null));
  }

  @BeforeEach
  void start() {
    control.started(new JobId("j"));
  }

  @AfterEach
  void close() throws IOException {
    link.close();
    server.close();
  }

  /** All that came over the next connection, until its client sends nothing more. */
  private String received() throws IOException {
    Objects.requireNonNull(link.current()).endSending();
    try (Socket socket = server.accept()) {
      socket.setSoTimeout(30_000);
      return new String(socket.getInputStream().readAllBytes(), ISO_8859_1);
    }
  }

  private static int count(String text, String part) {
    return text.split(part, -1).length - 1;
  }

  @Test
  void interruptWhileTheJobIsNotYetFollowedAgainGoesToItOnce() throws Exception {
    server.accept().close();
    control.cut();
    link.replace(connect());
    control.interrupt();
    control.resumed();
    assertEquals(1, count(received(), "\"INT\""));
  }

  @Test
  void eachQuitWhileTheJobIsNotYetFollowedAgainGoesToItOnce() throws Exception {
    server.accept().close();
    control.cut();
    control.quit();
    link.replace(connect());
    control.quit();
    control.resumed();
    assertEquals(2, count(received(), "\"QUIT\""));
  }

  @Test
  void whatWasAskedJustBeforeACutIsAskedAgain() throws Exception {
    control.interrupt();
    assertEquals(1, count(received(), "\"INT\""));
    control.cut();
    link.replace(connect());
    control.resumed();
    assertEquals(1, count(received(), "\"INT\""));
  }

  @Test
  void manyThreadsThatAskDuringManyCutsAskForNothingTwiceOverOneConnection() throws Exception {
    server.accept().close();
    AtomicInteger asked = new AtomicInteger();
    Thread asking =
        Thread.ofPlatform()
            .start(
                () -> {
                  while (asked.get() < 2_000) {
                    control.quit();
                    asked.incrementAndGet();
                  }
                });
    for (int i = 0; i < 20; i++) {
      control.cut();
      link.replace(connect());
      control.resumed();
      if (i == 19) {
        asking.join(30_000);
        assertFalse(asking.isAlive());
      }
      String came = received();
      for (int quit = 1; quit <= 2_000; quit++) {
        assertTrue(count(came, "\"quit-" + quit + "\"") <= 1, "quit-" + quit);
      }
    }
  }

  @Test
  void pauseWithoutAConnectionAsksNothingThatALaterLeaveWouldBeTakenFor() throws Exception {
    server.accept().close();
    Suspension pause = new Suspension(link);
    link.replace(null);
    pause.ask();
    assertFalse(pause.await());
  }
}
