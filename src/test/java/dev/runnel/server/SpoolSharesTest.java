package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Daemon;
import dev.runnel.security.Tokens;
import dev.runnel.security.Tokens.NewToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Of disk that is full, whoever has most of it loses first what has ended. */
class SpoolSharesTest {
  private static final NewToken ALICE = Tokens.create("alice");
  private static final NewToken BOB = Tokens.create("bob");
  private static final String SPOOLED =
      "'on_full':'spool','retain':65536,'spool_bytes':1000000,'linger_ms':60000,";

  @Test
  void oneThatFillsTheDiskTakesNothingOfWhatOthersPrint(@TempDir Path folder) throws Exception {
    Path tokens = Files.writeString(folder.resolve("t"), ALICE.line() + "\n" + BOB.line() + "\n");
    try (Daemon daemon =
            Daemon.start(
                "--listen",
                "127.0.0.1:0",
                "--tokens",
                "" + tokens,
                "--insecure",
                "--state-dir",
                "" + folder.resolve("state"),
                "--limit",
                "max_spool_bytes=" + (1 << 20));
        RawClient alice = as(ALICE, daemon);
        RawClient bob = as(BOB, daemon)) {
      assertEquals(100_000, wholeOf(bob, "kept", 100_000));
      for (int i = 0; i < 6; i++) {
        wholeOf(alice, "a-" + i, 300_000);
      }
      assertEquals(500_000, wholeOf(bob, "b", 500_000));
      assertEquals(500_000, again(bob, "b"));
      // Bob's own is no less than before, and of Alice's what would have gone first is gone.
      assertEquals(100_000, again(bob, "kept"));
      assertEquals("unknown_job", alice.ask("'type':'status','job':'a-0'").text("code"));
      assertEquals("ended", alice.ask("'type':'status','job':'a-5'").text("state"));
    }
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
