package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.job.Retained;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Many at once, and many in a row; each gets what is its own. */
@Tag("either")
@Tag("slow")
class LoadTest extends NodeTest {
  private static final int JOBS = 200;
  private static final int CONNECTIONS = 500;
  private static final int COMMANDS = 1_000;

  @Test
  void manyJobsAtOnceOnAConnectionEachGetTheirOwn() throws Exception {
    RawClient client = connect();
    ByteArrayOutputStream requests = new ByteArrayOutputStream();
    for (int i = 0; i < JOBS; i++) {
      // None ends before all have begun.
      String keys = "'id':'%d','job':'load-%d','stdin':true".formatted(i, i);
      String line = "read go; echo out-%d; seq 1 %d; echo err-%d >&2; exit %d";
      requests.writeBytes(RawClient.frame(keys, line.formatted(i, i * 10, i, i)));
    }
    client.send(requests.toByteArray());
    List<RawClient.Answer> started = new ArrayList<>();
    while (started.size() < JOBS) {
      RawClient.Answer answer = client.next();
      if (answer.type().equals("started")) {
        started.add(answer);
      }
    }
    assertEquals(JOBS, started.stream().map(answer -> answer.number("pid")).distinct().count());
    for (int i = 0; i < JOBS; i++) {
      client.send("'type':'stdin','job':'load-%d','offset':0,'eof':true".formatted(i), "go\n");
    }
    Map<String, String> output = new HashMap<>();
    for (int ended = 0; ended < JOBS; ) {
      RawClient.Answer answer = client.next();
      String id = String.valueOf(answer.id());
      if (answer.text("stream").equals("stdout")) {
        output.merge(id, answer.text(), String::concat);
      } else if (answer.type().equals("end")) {
        assertEquals(id, answer.text("exit_code"));
        int number = Integer.parseInt(id);
        assertEquals("out-" + id + "\n" + numbers(number * 10), output.get(id));
        assertEquals(5 + id.length(), answer.header().path("stderr").path("bytes").asInt());
        ended++;
      }
    }
    awaitNothingLeft();
  }

  private static String numbers(int last) {
    StringBuilder numbers = new StringBuilder();
    for (int i = 1; i <= last; i++) {
      numbers.append(i).append('\n');
    }
    return numbers.toString();
  }

  @Test
  void manyConnectionsEachRunACommand() throws Exception {
    List<RawClient> clients = new ArrayList<>();
    for (int i = 0; i < CONNECTIONS; i++) {
      clients.add(connect());
    }
    for (int i = 0; i < CONNECTIONS; i++) {
      clients.get(i).send("'id':'a'", "echo " + i + "; exit " + i % 200);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
      RawClient.Ran ran = clients.get(i).finish("a");
      assertEquals(i + "\n", ran.out());
      assertEquals(i % 200, ran.end().path("exit_code").asInt());
    }
    awaitNothingLeft();
  }

  @Test
  void manyCommandsInARowOnAConnection() throws Exception {
    RawClient client = connect();
    for (int i = 0; i < COMMANDS; i++) {
      client.send("", "echo " + i);
      assertEquals(i + "\n", client.finish().out());
    }
    awaitNothingLeft();
  }

  private static void awaitNothingLeft() throws Exception {
    Until.holds("no place to be taken", () -> node().registry().places() == 0);
    assertEquals(0, Retained.without(node().memory()));
  }
}
