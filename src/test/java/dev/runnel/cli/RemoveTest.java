package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;

/** {@code runnel rm} and the names that {@code jobs -q} prints, with a real node. */
@NullMarked
class RemoveTest extends NodeVerbs {
  private static void end(String job, String... options) {
    start(job, "exit 3", options);
    assertEquals(3, run(new Client(), "wait", job));
  }

  private static String names(String prefix) {
    Client client = new Client();
    assertEquals(0, run(client, "jobs", "-q", "-a", "--prefix", prefix), client.err());
    return client.out();
  }

  @Test
  void aJobThatEndedIsKnownNoLonger() {
    end("gone-1");
    end("gone-2");
    assertEquals("gone-2\ngone-1\n", names("gone"));
    Client client = new Client();
    assertEquals(0, run(client, "rm", "gone-1"), client.err());
    assertEquals("gone-2\n", names("gone"));
    assertEquals(255, run(new Client(), "status", "gone-1"));
    // Its name is free.
    end("gone-1");
    assertEquals("gone-1\ngone-2\n", names("gone"));
  }

  @Test
  void oneThatRunsIsEndedFirstIfThatIsAsked() {
    start("runs-1", "exec sleep 1000");
    Client one = new Client();
    assertEquals(255, run(one, "rm", "runs-1"));
    assertTrue(one.err().contains("runs-1 is running (-f ends it, and forgets it)"), one.err());
    Client two = new Client();
    assertEquals(0, run(two, "rm", "-f", "runs-1"), two.err());
    assertEquals("", names("runs"));
  }

  @Test
  void oneThatIsNotThereDoesNotSaveTheOthers() {
    end("many-1");
    end("many-2");
    Client client = new Client();
    assertEquals(255, run(client, "rm", "many-1", "none-1", "many-2"));
    assertTrue(client.err().contains("none-1: "), client.err());
    assertEquals("", names("many"));
  }
}
