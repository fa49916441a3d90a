package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.model.CommandSpec;
import dev.runnel.wire.Lies;
import dev.runnel.wire.Lies.Lie;
import dev.runnel.wire.Lies.Told;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Servers whose answers contradict themselves: none of them is a success. */
@NullMarked
class LyingServerTest {
  private final Client client = new Client();

  static List<Lie> lies() {
    return Lies.all();
  }

  private int exec(Collection<Told> answer) throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              play(peer, answer);
            })) {
      return client.exec(server, "true");
    }
  }

  private static void play(FakeServer.Peer peer, Collection<Told> answer) {
    try {
      for (Told told : answer) {
        peer.send(told.keys(), told.body());
      }
    } catch (Exception _) {
      return; // It did not believe the first of it.
    }
  }

  @Test
  void execBelievesTheTruth() throws Exception {
    assertEquals(0, exec(Lies.truth("run").values()), client.err());
    assertEquals("", client.err());
    assertEquals(Lies.OUTPUT, client.out());
  }

  @ParameterizedTest
  @MethodSource("lies")
  void execBelievesNoLie(Lie lie) throws Exception {
    assertEquals(255, exec(Lies.with("run", lie)), client.err());
    assertTrue(client.err().contains("runnel: "), client.err());
  }

  /** As {@code runnel shell} runs a line. */
  private int line(Collection<Told> answer) throws Exception {
    try (FakeServer server =
        new FakeServer(
            peer -> {
              var _ = peer.read();
              peer.send(
                  "\"type\":\"hello\",\"id\":\"1\",\"final\":true,\"version\":1,"
                      + "\"software\":\"x\",\"node\":\"n\",\"boot\":\"b\","
                      + "\"max_header\":65536,\"max_body\":131072");
              var _ = peer.read();
              play(peer, answer);
            })) {
      client.stdin("");
      return new Cli(client.surroundings(), _ -> ShellEntry.definition(LyingServerTest::runALine))
          .run(CommandLine.of("shell", "-H", server.host()));
    }
  }

  private static int runALine(ShellSession runner) {
    return runner.run(CommandSpec.of("true")).exitCode();
  }

  @Test
  void aLineOfAShellBelievesTheTruth() throws Exception {
    assertEquals(0, line(Lies.truth("run").values()), client.err());
    assertEquals(Lies.OUTPUT, client.out());
  }

  @ParameterizedTest
  @MethodSource("lies")
  void aLineOfAShellBelievesNoLie(Lie lie) throws Exception {
    assertEquals(255, line(Lies.with("run", lie)), client.err());
    assertTrue(client.err().contains("runnel: "), client.err());
  }

  @Test
  void aServerThatAlwaysHangsUpAfterSomeOutputIsGivenUp() throws Exception {
    List<FakeServer.Script> scripts = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      scripts.add(
          peer -> {
            var _ = peer.greet();
            var _ = peer.read();
            play(peer, List.copyOf(Lies.truth("run").values()).subList(0, 2));
          });
    }
    FakeServer server = new FakeServer(scripts.toArray(FakeServer.Script[]::new));
    assertEquals(
        255, client.run("exec", "-H", server.host(), "--job", "j", "--linger", "2s", "true"));
    assertTrue(client.err().contains("the command's end is not known"), client.err());
    assertTrue(client.err().contains("the job may go on for 2s"), client.err());
  }
}
