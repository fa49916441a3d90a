package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.server.RawClient.Answer;
import dev.runnel.server.RawClient.Ran;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.zip.CRC32;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Seats that are taken from holders which are gone without anybody having been told. */
@SuppressWarnings("NullAway.Init") // The proxy is there before each test.
class SilentHolderTest extends NodeTest {
  private static final String NUMBERS = lines(200_000);

  private CuttingProxy proxy;

  @BeforeEach
  void openProxy() throws Exception {
    proxy = new CuttingProxy(node().port(), 1, List.of(), 1);
  }

  @AfterEach
  void closeProxy() throws Exception {
    proxy.close();
  }

  private static String lines(int to) {
    StringBuilder lines = new StringBuilder();
    IntStream.rangeClosed(1, to).forEach(i -> lines.append(i).append('\n'));
    return lines.toString();
  }

  private RawClient connectByProxy() throws Exception {
    return closed(new RawClient(proxy.port()));
  }

  private RawClient takeOver(String job, long from) throws Exception {
    RawClient next = connect();
    String attach = "'type':'attach','id':'a','runner':true,'job':'" + job + "','from':" + from;
    next.send(attach);
    return next;
  }

  @Test
  void seatIsTakenInTheMiddleOfOutput() throws Exception {
    RawClient holder = connectByProxy();
    holder.send("'id':'r','job':'mute','linger_ms':60000,'window':65536", "seq 1 200000");
    String before = holder.output(40_000);
    holder.send("'type':'ack','follow':'r','offset':20000");
    String more = holder.output(20_000);
    proxy.silenceAll();

    Ran ran = takeOver("mute", before.length() + more.length()).finish("a");

    assertEquals(NUMBERS, before + more + ran.out());
    assertEquals(0, ran.end().path("gap_bytes").asLong(-1));
    CRC32 crc = new CRC32();
    crc.update(NUMBERS.getBytes(StandardCharsets.UTF_8));
    assertEquals(crc.getValue(), ran.end().path("stdout").path("crc32").asLong());
  }

  // The transport took everything, and only the server knows of it.
  @Test
  void whatWentNowhereIsAGap() throws Exception {
    RawClient holder = connectByProxy();
    holder.send("'id':'r','job':'void','linger_ms':60000,'retain':65536", "read _; seq 1 200000");
    holder.nextOfType("started");
    proxy.silenceAll();
    RawClient watcher = connect();
    Until.holds(
        "its end", () -> watcher.ask("'type':'status','job':'void'").text("state").equals("ended"));

    RawClient next = takeOver("void", 100);
    Answer gap = next.nextThat(answer -> answer.type().equals("gap"));
    Ran ran = next.finish("a");

    assertEquals(100, gap.number("from"));
    assertEquals(NUMBERS.substring((int) gap.number("to")), ran.out());
    assertTrue(ran.out().length() >= 65_536, ran.end()::toString);
  }

  @Test
  void seatIsTakenInTheMiddleOfStdin() throws Exception {
    String input = lines(10_000);
    RawClient holder = connectByProxy();
    holder.send("'id':'r','job':'deaf','linger_ms':60000,'window':65536,'stdin':true", "cat");
    holder.send("'type':'stdin','job':'deaf','offset':0", input.substring(0, 10_000));
    assertEquals(input.substring(0, 10_000), holder.output(10_000));
    byte[] rest =
        RawClient.frame("'type':'stdin','job':'deaf','offset':10000", input.substring(10_000));
    // Half a frame, of which the other half never comes.
    holder.send(Arrays.copyOf(rest, rest.length / 2));
    proxy.silenceAll();

    RawClient next = takeOver("deaf", 10_000);
    assertEquals(10_000, next.nextOfType("stdin_ack").number("offset"));
    next.send("'type':'stdin','job':'deaf','offset':10000,'eof':true", input.substring(10_000));
    Ran ran = next.finish("a");

    assertEquals(input.substring(10_000), ran.out());
    assertEquals(input.length(), ran.end().path("stdout").path("bytes").asLong());
  }
}
