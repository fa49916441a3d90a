package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Daemon;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of disk that is full, whoever has most of it loses first what has ended. */
@Tag("slow")
class SpoolSharesTest {
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken BOB = Tokens.create("bob");
  private static final String SPOOLED =
      "'on_full':'spool','retain':65536,'spool_bytes':1000000,'linger_ms':60000,";

  private static Daemon start(Path folder) throws Exception {
    Path tokens = Files.writeString(folder.resolve("t"), ALICE.line() + "\n" + BOB.line() + "\n");
    return Daemon.start(
        "--listen",
        "127.0.0.1:0",
        "--tokens",
        "" + tokens,
        "--insecure",
        "--state-dir",
        "" + folder.resolve("state"),
        "--limit",
        "max_spool_bytes=" + (1 << 20));
  }

  @Test
  void oneThatFillsTheDiskTakesNothingOfWhatOthersPrint(@TempDir Path folder) throws Exception {
    try (Daemon daemon = start(folder);
        RawClient alice = as(ALICE, daemon);
        RawClient bob = as(BOB, daemon)) {
      assertEquals(100_000, wholeOf(bob, "kept", 100_000));
      for (int i = 0; i < 6; i++) {
        wholeOf(alice, "a-" + i, 300_000);
      }
      assertEquals(500_000, wholeOf(bob, "b", 500_000));
      expectShares(alice, bob);
      daemon.process().destroy();
      assertEquals(0, daemon.exitCode());
    }
    try (Daemon daemon = start(folder);
        RawClient alice = as(ALICE, daemon);
        RawClient bob = as(BOB, daemon)) {
      expectShares(alice, bob);
    }
  }

  // Bob's is whole; of Alice's what would have gone first has no output, and is known.
  private static void expectShares(RawClient alice, RawClient bob) throws IOException {
    assertEquals(500_000, again(bob, "b"));
    assertEquals(100_000, again(bob, "kept"));
    assertTrue(again(alice, "a-0") < 300_000);
    RawClient.Answer first = alice.ask("'type':'status','job':'a-0'");
    assertEquals("exited", first.text("outcome"));
    assertEquals(300_000, first.number("output_bytes"));
  }

  private static RawClient as(NewToken token, Daemon daemon) throws IOException {
    RawClient client = new RawClient(daemon.port());
    client.ask("'type':'hello','version':1,'token':'" + token.secret() + "'");
    return client;
  }

  private static int wholeOf(RawClient client, String job, int bytes) throws IOException {
    client.send("'id':'r'," + SPOOLED + "'job':'" + job + "'", "head -c " + bytes + " /dev/zero");
    return client.finish("r").stdout().length;
  }

  private static int again(RawClient client, String job) throws IOException {
    client.send("'type':'attach','id':'again','from':0,'job':'" + job + "'");
    return client.finish("again").stdout().length;
  }
}
