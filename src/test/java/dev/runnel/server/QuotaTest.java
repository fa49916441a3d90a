package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.job.JobLimits;
import dev.runnel.job.LogMemory;
import dev.runnel.model.Caller;
import dev.runnel.security.AccessControl;
import dev.runnel.security.audit.Audit;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.security.policy.Policy;
import dev.runnel.security.quota.Quotas;
import dev.runnel.security.quota.Quotas.Bounds;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.settings.PolicyFile;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Quotas as a client meets them: what is over one is busy, and others don't notice. */
class QuotaTest {
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken BOB = Tokens.create("bob");

  private static TestNode node(Bounds ofPrincipal, Bounds ofSource) throws Exception {
    return new TestNode(
        ServerLimits.DEFAULT,
        JobLimits.DEFAULT,
        new LogMemory(64L << 20, 100),
        new Authentication.ByToken(Tokens.parse(List.of(ALICE.line(), BOB.line()))),
        new AccessControl(
            Policy.NONE, Audit.NONE, new Quotas(ofPrincipal, ofSource, System::nanoTime)));
  }

  private static RawClient as(NewToken token, TestNode node) throws IOException {
    RawClient client = node.connect();
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  private static void expectBusy(RawClient client, String message) throws IOException {
    Answer answer = client.ask("'argv':['true']");
    assertEquals("busy", answer.text("code"), answer::toString);
    assertEquals(message, answer.text("message"));
  }

  @Test
  void principalHasSoManyJobsAndTheNextWhenOneEnded() throws Exception {
    try (TestNode node = node(new Bounds(1, 0, 0, 0), Bounds.NONE);
        RawClient alice = as(ALICE, node);
        RawClient again = as(ALICE, node);
        RawClient bob = as(BOB, node)) {
      alice.send("'id':'r','job':'q-1'", "exec sleep 100");
      assertEquals("started", alice.nextOf("r").type());
      expectBusy(again, "jobs of principal alice: 2 (limit: 1)");
      assertEquals("end", bob.ask("'argv':['true']").type());
      assertEquals("ok", again.ask("'type':'cancel','job':'q-1'").type());
      assertEquals("canceled", alice.finish("r").outcome());
      for (int i = 0; i < 20; i++) {
        assertEquals("end", alice.ask("'argv':['true']").type());
        assertEquals("start_failed", alice.ask("'argv':['/nonesuch']").text("outcome"));
      }
    }
  }

  @Test
  void sourceHasSoManyJobsWhoeverAsks() throws Exception {
    try (TestNode node = node(Bounds.NONE, new Bounds(1, 0, 0, 0));
        RawClient alice = as(ALICE, node);
        RawClient bob = as(BOB, node)) {
      alice.send("'id':'r'", "exec sleep 100");
      assertEquals("started", alice.nextOf("r").type());
      expectBusy(bob, "jobs of source 127.0.0.1: 2 (limit: 1)");
    }
  }

  @Test
  void principalHasSoManyStartsInAMinute() throws Exception {
    try (TestNode node = node(new Bounds(0, 2, 0, 0), Bounds.NONE);
        RawClient alice = as(ALICE, node)) {
      assertEquals("end", alice.ask("'argv':['true']").type());
      assertEquals("end", alice.ask("'argv':['true']").type());
      expectBusy(alice, "starts per minute of principal alice: 3 (limit: 2)");
    }
  }

  @Test
  void principalHasSoMuchToRetain() throws Exception {
    try (TestNode node = node(new Bounds(0, 0, 1_500_000, 0), Bounds.NONE);
        RawClient alice = as(ALICE, node)) {
      alice.send("'id':'r'", "exec sleep 100");
      assertEquals("started", alice.nextOf("r").type());
      expectBusy(alice, "retain of all jobs of principal alice: 2097152 (limit: 1500000)");
      assertEquals("end", alice.ask("'argv':['true'],'retain':65536").type());
    }
  }

  @Test
  void principalHasSoManyConnections() throws Exception {
    try (TestNode node = node(new Bounds(0, 0, 0, 1), Bounds.NONE)) {
      try (RawClient alice = as(ALICE, node);
          RawClient second = node.connect();
          RawClient bob = as(BOB, node)) {
        second.send("'type':'hello','version':1,'token':'" + ALICE.secret() + "'");
        Answer refused = second.expectClose("too_many_connections");
        assertEquals("connections of principal alice: 2 (limit: 1)", refused.text("message"));
        assertEquals("end", alice.ask("'argv':['true']").type());
        assertEquals("end", bob.ask("'argv':['true']").type());
      }
      Until.holds("alice's place", () -> isLetIn(node));
    }
  }

  private static boolean isLetIn(TestNode node) throws IOException {
    try (RawClient client = node.connect()) {
      client.send("'type':'hello','version':1,'token':'" + ALICE.secret() + "'");
      return client.next().type().equals("hello");
    }
  }

  @Test
  void sourceHasSoManyConnectionsWhoeverItIs() throws Exception {
    try (TestNode node = node(Bounds.NONE, new Bounds(0, 0, 0, 1));
        RawClient alice = as(ALICE, node);
        RawClient bob = node.connect()) {
      bob.send("'type':'hello','version':1,'token':'" + BOB.secret() + "'");
      Answer refused = bob.expectClose("too_many_connections");
      assertEquals("connections of source 127.0.0.1: 2 (limit: 1)", refused.text("message"));
      assertEquals("end", alice.ask("'argv':['true']").type());
    }
  }

  @Test
  void whoIsTurnedAwayTakesNoPlace() throws Exception {
    int places = 300;
    Quotas quotas =
        new Quotas(new Bounds(0, 0, 0, places), new Bounds(0, 0, 0, places), System::nanoTime);
    ServerLimits one =
        new ServerLimits(
            1, 256, 256, 1 << 18, 1 << 20, Duration.ofSeconds(30), Duration.ofSeconds(30));
    try (TestNode node =
            new TestNode(
                one,
                JobLimits.DEFAULT,
                new LogMemory(64L << 20, 100),
                new Authentication.Open("anonymous"),
                new AccessControl(Policy.NONE, Audit.NONE, quotas));
        RawClient holder = node.connect()) {
      assertEquals("pong", holder.ask("'type':'ping'").type());
      // More than are told why.
      List<Socket> crowd = new ArrayList<>();
      for (int i = 0; i < 250; i++) {
        crowd.add(new Socket(InetAddress.getLoopbackAddress(), node.port()));
      }
      for (Socket refused : crowd) {
        refused.close();
      }
      Until.holds("all places but one to be free", () -> freePlaces(quotas) == places - 1);
    }
  }

  private static int freePlaces(Quotas quotas) {
    Caller caller = new Caller("anonymous", "127.0.0.1", Caller.Via.TCP);
    List<Quotas.Share> taken = new ArrayList<>();
    try {
      while (true) {
        taken.add(quotas.takeConnection(caller));
      }
    } catch (Quotas.OverQuotaException _) {
      taken.forEach(Quotas.Share::giveBack);
      return taken.size();
    }
  }

  @Test
  void jobThatIsRefusedTakesNothing() throws Exception {
    try (TestNode node = node(new Bounds(1, 0, 0, 0), Bounds.NONE);
        RawClient alice = as(ALICE, node)) {
      assertEquals("end", alice.ask("'argv':['true'],'job':'taken'").type());
      for (int i = 0; i < 5; i++) {
        assertEquals("job_exists", alice.ask("'argv':['true'],'job':'taken'").text("code"));
      }
      assertEquals("end", alice.ask("'argv':['true']").type());
    }
  }

  @Test
  void ruleHasQuotasOfItsOwn(@TempDir Path folder) throws Exception {
    Path file =
        Files.writeString(
            folder.resolve("policy.yaml"),
            """
            rules:
              - {name: few, principals: [alice], commands: [[sleep, "*"]], jobs: 1}
              - {name: rare, principals: [alice], commands: [["true"]], starts_per_minute: 1}
            """);
    try (TestNode node = node(Bounds.NONE, Bounds.NONE);
        RawClient alice = as(ALICE, node)) {
      node.guard().adopt(PolicyFile.read(file));
      alice.send("'id':'r','argv':['sleep','100']");
      assertEquals("started", alice.nextOf("r").type());
      Answer second = alice.ask("'argv':['sleep','100']");
      assertEquals("jobs of principal alice by rule few: 2 (limit: 1)", second.text("message"));
      assertEquals("end", alice.ask("'argv':['true']").type());
      expectBusy(alice, "starts per minute of principal alice by rule rare: 2 (limit: 1)");
    }
  }
}
