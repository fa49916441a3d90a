package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.wire.RawFrames;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What exec makes of an answer that is whole. */
@NullMarked
class ExecTest {
  private final Client client = new Client();

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "exited      | 'exit_code':0     | 0",
        "exited      | 'exit_code':3     | 3",
        "exited      | 'exit_code':255   | 255",
        "signaled    | 'signal':'KILL'   | 137",
        "signaled    | 'signal':'34'     | 162",
        "timed_out   | 'signal':'TERM'   | 124",
        "timed_out   | 'exit_code':0     | 124",
        "canceled    | 'signal':'TERM'   | 255",
        "shutdown    | 'signal':'TERM'   | 255",
        "abandoned   | 'signal':'TERM'   | 255",
        "lost        | 'x':0             | 255",
        "exited      | 'x':0             | 255",
        "start_failed| 'errno':'ENOENT','at':'exec','message':'No such file'  | 127",
        "start_failed| 'errno':'ENOTDIR','at':'cwd','message':'Not a folder'  | 126",
        "start_failed| 'errno':'ENOENT','at':'cwd','message':'No such folder' | 126",
        "start_failed| 'errno':'ENOENT','at':'user','message':'No such user'  | 126",
        "start_failed| 'errno':'EACCES','at':'exec','message':'Denied'        | 126",
        "start_failed| 'errno':'E2BIG','at':'exec','message':'Too long'       | 126",
      })
  void endsAsTheCommandDid(String outcome, String keys, int code) throws Exception {
    String how = "\"outcome\":\"" + outcome.strip() + "\"," + keys.strip().replace('\'', '"');
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              if (!outcome.startsWith("start")) {
                peer.started();
                peer.stdout("out\n");
              }
              peer.end(how);
              var _ = peer.readToEnd();
            })) {
      assertEquals(code, client.exec(server, "true"), client.err());
    }
  }

  @Test
  void passesBothStreamsOn() throws Exception {
    CRC32 crc = new CRC32();
    crc.update(RawFrames.utf8("trouble\n"));
    try (FakeServer server =
        new FakeServer(
            peer -> {
              FakeServer.Sent run = peer.read();
              assertEquals(
                  "{\"id\":\"run\",\"argv\":[\"make\",\"-j\",\"--\"],\"total_size\":0}",
                  run.header());
              peer.started();
              peer.stdout("one\n");
              peer.output("stderr", "trouble\n");
              peer.stdout("two");
              String stderr = FakeServer.Peer.total(8, crc.getValue());
              peer.end("\"outcome\":\"exited\",\"exit_code\":0", peer.total(), stderr);
              assertEquals(0, peer.readToEnd().length);
            })) {
      assertEquals(0, client.exec(server, "make", "-j", "--"));
    }
    assertEquals("one\ntwo", client.out());
    assertEquals("trouble\n", client.err());
  }

  @Test
  void sendsAShellLineAsItIs() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              FakeServer.Sent run = peer.read();
              assertEquals("{\"id\":\"run\",\"total_size\":9}", run.header());
              assertEquals("echo $HÖ", run.text());
              peer.started();
              peer.end("\"outcome\":\"exited\",\"exit_code\":0");
            })) {
      assertEquals(0, client.exec(server, "-c", "echo $HÖ"));
    }
  }

  @Test
  void passesOverWhatItDoesNotKnow() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send("\"type\":\"weather\",\"final\":false,\"id\":\"run\"", "sunny");
              peer.send(FakeServer.STARTED + ",\"mood\":{\"x\":[1.5,null]}");
              peer.send("\"type\":\"pong\",\"final\":true,\"id\":\"somebody\"");
              peer.send(
                  "\"type\":\"exited\",\"id\":\"run\",\"final\":false,\"job\":\"j\",\"exit_code\":0");
              peer.stdout("out");
              peer.end("\"outcome\":\"exited\",\"exit_code\":0,\"mood\":\"good\"");
            })) {
      assertEquals(0, client.exec(server, "true"), client.err());
    }
    assertEquals("out", client.out());
  }

  @Test
  void saysWhoItIsInTheSameBreath() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertEquals(
                  "{\"type\":\"hello\",\"id\":\"hello\",\"version\":1,\"token\":\"s3cret\",\"total_size\":0}",
                  peer.read().header());
              // Not answered before the run is there.
              assertTrue(peer.read().header().contains("\"argv\""));
              peer.send(
                  "\"type\":\"hello\",\"id\":\"hello\",\"final\":true,\"version\":1,\"software\":\"x\","
                      + "\"node\":\"n\",\"boot\":\"b\",\"max_header\":65536,\"max_body\":131072");
              peer.started();
              peer.end("\"outcome\":\"exited\",\"exit_code\":0");
            })) {
      assertEquals(
          0, client.env(Map.of("RUNNEL_TOKEN", "s3cret")).exec(server, "true"), client.err());
    }
  }

  @Test
  void acknowledgesOutputItHasWritten() throws Exception {
    String half = "x".repeat(512);
    try (FakeServer server =
        new FakeServer(
            peer -> {
              assertTrue(peer.read().header().contains("\"window\":1024"));
              peer.started();
              for (int i = 1; i <= 8; i++) {
                peer.stdout(half);
                assertEquals(
                    "{\"type\":\"ack\",\"follow\":\"run\",\"offset\":"
                        + 512 * i
                        + ",\"total_size\":0}",
                    peer.read().header());
              }
              peer.end("\"outcome\":\"exited\",\"exit_code\":0");
            })) {
      assertEquals(0, client.exec(server, "--window", "1K", "true"), client.err());
    }
    assertEquals(half.repeat(8), client.out());
  }

  @Test
  void tellsOfProcessesThatWereEnded() throws Exception {
    String leftovers =
        ",\"drained\":false,\"leftovers\":[{\"pid\":9,\"command\":\"sleep 99\",\"ended\":true}],"
            + "\"leftovers_total\":1";
    for (String quiet : new String[] {"--merge", "--quiet"}) {
      Client one = new Client();
      try (FakeServer server =
          new FakeServer(
              peer -> {
                var _ = peer.read();
                peer.started();
                peer.end("\"outcome\":\"exited\",\"exit_code\":0" + leftovers);
              })) {
        assertEquals(0, one.exec(server, quiet, "true"));
      }
      assertEquals(
          quiet.equals("--quiet")
              ? ""
              : "runnel: something still held the output when the server stopped waiting for more;"
                  + " ended 1 process that outlived the command: sleep 99 (9) (to keep such"
                  + " processes: --leftovers keep, or runnel run for each)\n",
          one.err());
    }
  }

  @Test
  void namesWhatCouldNotStart() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.end(
                  "\"outcome\":\"start_failed\",\"errno\":\"ENOENT\",\"at\":\"exec\",\"message\":\"No"
                      + " such file or directory\"");
            })) {
      assertEquals(127, client.exec(server, "frobnicate", "-x"));
    }
    assertEquals(
        "runnel: cannot start frobnicate: No such file or directory (ENOENT)\n", client.err());
  }

  private String notFound(String command) throws Exception {
    Client one = new Client();
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.end(
                  "\"outcome\":\"start_failed\",\"errno\":\"ENOENT\",\"at\":\"exec\",\"message\":\"No"
                      + " such file or directory\"");
            })) {
      assertEquals(127, one.exec(server, command));
    }
    return one.err();
  }

  @Test
  void saysWhereALineForTheShellGoes() throws Exception {
    for (String command : List.of("ls -la | wc -l", "cd", "FOO=1", "export")) {
      assertEquals(
          "runnel: cannot start "
              + command
              + ": No such file or directory (ENOENT); a line for the"
              + " shell goes after -c\n",
          notFound(command));
    }
  }

  @Test
  void saysWhichLimitEndedIt() throws Exception {
    for (String[] limit :
        new String[][] {{"XCPU", "152", "--limit-cpu"}, {"XFSZ", "153", "--limit-file"}}) {
      Client one = new Client();
      try (FakeServer server =
          new FakeServer(
              peer -> {
                var _ = peer.read();
                peer.started();
                peer.end("\"outcome\":\"signaled\",\"signal\":\"" + limit[0] + "\"");
              })) {
        assertEquals(Integer.parseInt(limit[1]), one.exec(server, "true"));
      }
      assertTrue(one.err().contains("SIG" + limit[0]) && one.err().contains(limit[2]), one.err());
    }
  }

  @Test
  void aLostJobIsNotSaidToHoldItsOutput() throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.started();
              peer.end("\"outcome\":\"lost\",\"drained\":false");
            })) {
      assertEquals(255, client.exec(server, "true"));
    }
    assertEquals(
        "runnel: the server lost track of the job: how it ended is not known\n", client.err());
  }
}
