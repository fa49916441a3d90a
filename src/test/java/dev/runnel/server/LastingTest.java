package dev.runnel.server;

import static dev.runnel.server.RawClient.frame;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.job.Job;
import dev.runnel.job.JobLimits;
import dev.runnel.job.JobOrigin;
import dev.runnel.job.LogMemory;
import dev.runnel.job.SubscribeOptions;
import dev.runnel.job.Subscription;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Outcome;
import dev.runnel.model.Request;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Peers that are slow, deaf or gone, and a server that goes. */
@Tag("slow")
class LastingTest {
  private static final Duration LONG = Duration.ofDays(1);
  private static final Duration SHORT = Duration.ofMillis(200);

  private static TestNode node(int maxUnreadBytes, Duration firstFrame, Duration frame) {
    ServerLimits limits =
        new ServerLimits(100, 256, 256, 256 * 1024, maxUnreadBytes, firstFrame, frame);
    return new TestNode(limits, JobLimits.DEFAULT, new LogMemory(64L << 20, 100));
  }

  @Test
  void frameMustBeWholeInItsOwnTimeWhateverTheFirstHad() throws Exception {
    try (TestNode node = node(1 << 20, LONG, SHORT);
        RawClient client = node.connect()) {
      assertEquals("pong", client.ask("'type':'ping'").type());
      client.send(Arrays.copyOf(frame("'type':'ping'"), 10));
      client.expectClose("too_slow");
    }
  }

  @Test
  void strangerGainsNoTimeByMistakes() throws Exception {
    NewToken token = Tokens.create("alice");
    ServerLimits limits =
        new ServerLimits(100, 256, 256, 256 * 1024, 1 << 20, Duration.ofSeconds(3), LONG);
    Authentication access = new Authentication.ByToken(Tokens.parse(List.of(token.line())));
    try (TestNode node =
            new TestNode(limits, JobLimits.DEFAULT, new LogMemory(64L << 20, 100), access);
        RawClient friend = node.connect()) {
      String hello = "'type':'hello','version':1,'token':'" + token.secret() + "'";
      assertEquals("hello", friend.ask(hello).type());
      RawClient stranger = node.connect();
      assertEquals("bad_request", stranger.ask(hello + ",'heartbeat_ms':1").text("code"));
      stranger.expectClose("too_slow");
      stranger.close();
      // Its own time would have been up before.
      assertEquals("pong", friend.ask("'type':'ping'").type());
    }
  }

  @Test
  void startThatIsRefusedLeavesNothing() throws Exception {
    HeldStarts[] held = new HeldStarts[1];
    try (TestNode node =
            new TestNode(
                ServerLimits.DEFAULT,
                JobLimits.DEFAULT,
                new LogMemory(64L << 20, 100),
                new Authentication.Open("anonymous"),
                engine -> {
                  held[0] = new HeldStarts(engine);
                  return held[0];
                });
        RawClient client = node.connect()) {
      client.send("'id':'r','job':'refused','stdin':true", "cat");
      client.send("'type':'stdin','job':'refused','offset':0", "abc");
      Until.holds("start", () -> held[0].count() == 1);

      held[0].refuse("no more processes today");

      Answer error = client.finalOf("r");
      assertEquals("unavailable", error.text("code"));
      assertEquals("refused", error.text("job"));
      assertEquals("no more processes today", error.text("message"));
      assertEquals("unknown_job", client.ask("'type':'status','job':'refused'").text("code"));
      assertEquals(0, node.registry().places());
      client.send("'type':'stdin','job':'refused','offset':77", "abc");
      client.send("'id':'r','job':'refused'", "echo again");
      assertEquals("again\n", client.finish("r").out());
    }
  }

  @Test
  void jobWhoseFollowerFailsIsLostAndHoldsNobodyUp() throws Exception {
    try (TestNode node = new TestNode()) {
      JobSpec spec = JobSpec.of(CommandSpec.of("sleep", "1000"));
      Request.Run run = new Request.Run(null, spec);
      Job job = node.registry().register(run, JobOrigin.of(Caller.ON_THE_BUS)).job();
      SubscribeOptions how =
          SubscribeOptions.run(OptionalLong.empty(), SubscribeOptions.Existence.NEW);
      Subscription.of(job, how, node.registry().node(), new FaultyOutlet());
      job.start();
      Until.holds("its end", () -> job.status().end() != null);
      node.registry().close().get(30, TimeUnit.SECONDS);
      End end = job.status().end();
      assertTrue(end != null && end.outcome() == Outcome.LOST, () -> "end: " + end);
    }
  }

  private static final class FaultyOutlet implements Subscription.Outlet {
    @Override
    public void execute(Runnable task) {
      throw new IllegalStateException("a fault of the follower's, thrown by a test");
    }

    @Override
    public void look() {}

    @Override
    public void tell(Event.Interim event) {}

    @Override
    public void ready() {}

    @Override
    public void finish(Event.Final event) {}
  }

  @Test
  void silenceBetweenFramesIsNoFault() throws Exception {
    try (TestNode node = node(1 << 20, SHORT, SHORT);
        RawClient client = node.connect();
        RawClient other = node.connect()) {
      assertEquals("pong", client.ask("'type':'ping'").type());
      other.send("", "sleep 0.5");
      assertEquals("end", other.finish().end().path("type").asText());
      assertEquals("pong", client.ask("'type':'ping'").type());
    }
  }

  private static byte[] pings(int first, int count) {
    byte[][] frames = new byte[count][];
    for (int i = 0; i < count; i++) {
      frames[i] = frame("'type':'ping','id':'" + (first + i) + "'");
    }
    return RawClient.together(frames);
  }

  /** A connection whose peer takes in little ahead. */
  private static Socket deaf(TestNode node) throws IOException {
    Socket socket = new Socket();
    socket.setReceiveBufferSize(4096);
    socket.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), node.port()));
    return socket;
  }

  @Test
  void deafPeerThatLeavesIsMissed() throws Exception {
    try (TestNode node = node(16 * 1024, LONG, LONG)) {
      RawClient client = new RawClient(deaf(node));
      client.send("'id':'r'", "exec sleep 100");
      long pid = client.nextOf("r").number("pid");
      OutputStream out = client.socket().getOutputStream();
      CompletableFuture<Void> sent =
          CompletableFuture.runAsync(
              () -> {
                try {
                  for (int i = 0; i < 1_000_000; i += 100) {
                    out.write(pings(i, 100));
                  }
                } catch (IOException closed) {
                  return;
                }
              });
      Until.holds("pongs", () -> client.socket().getInputStream().available() > 1_000);

      client.close();

      sent.get(30, TimeUnit.SECONDS);
      Until.gone(pid);
      Until.holds("end of the connection", () -> node.room().connections().get() == 0);
    }
  }

  @Test
  void serverThatGoesEndsItsJobsAndSaysSo() throws Exception {
    List<RawClient> clients = new ArrayList<>();
    TestNode node = new TestNode();
    try {
      List<Long> pids = new ArrayList<>();
      for (int i = 0; i < 20; i++) {
        RawClient client = node.connect();
        clients.add(client);
        client.send("'id':'r','grace_ms':100", "exec sleep 100");
        pids.add(client.nextOf("r").number("pid"));
      }
      node.registry().close().get(30, TimeUnit.SECONDS);

      for (RawClient client : clients) {
        assertEquals("shutdown", client.finish("r").outcome());
        assertEquals("unavailable", client.ask("'argv':['true']").text("code"));
      }
      for (long pid : pids) {
        Until.gone(pid);
      }
    } finally {
      node.close();
    }
    for (RawClient client : clients) {
      assertTrue(client.isAtEnd());
      client.close();
    }
  }
}
