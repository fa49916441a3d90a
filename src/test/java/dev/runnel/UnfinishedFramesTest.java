package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * A daemon as the launcher starts it, with the heap that it has unless told otherwise, offered
 * frames that never become whole: more than a heap's worth.
 */
@Timeout(300)
@Tag("either")
@Tag("slow")
class UnfinishedFramesTest {
  private static final int CONNECTIONS = 2_500;
  private static final byte[] FRAME =
      RawClient.frame("'type':'stdin','job':'nobody','offset':0", new byte[131_072]);
  private static final byte[] UNFINISHED = Arrays.copyOf(FRAME, FRAME.length - 1);

  private final Path folder;
  private final List<RawClient> clients = new ArrayList<>();

  @SuppressWarnings("NullAway.Init") // Set by each test.
  private Process daemon;

  private int port;

  UnfinishedFramesTest(@TempDir Path folder) {
    this.folder = folder;
  }

  private void start(String... more) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("serve", "--listen", "127.0.0.1:0"));
    arguments.addAll(List.of(more));
    ProcessBuilder builder =
        Launcher.ofCheckout(Path.of("").toAbsolutePath()).call(arguments.toArray(String[]::new));
    builder.environment().put("RUNNEL_STATE_DIR", "none");
    daemon = builder.redirectError(folder.resolve("log").toFile()).start();
    String line = String.valueOf(daemon.inputReader().readLine());
    assertTrue(line.startsWith("listening on "), line + Files.readString(folder.resolve("log")));
    port = Integer.parseInt(line.substring(line.lastIndexOf(':') + 1));
  }

  @AfterEach
  void end() throws Exception {
    for (RawClient client : clients) {
      client.close();
    }
    daemon.destroyForcibly().onExit().get(30, TimeUnit.SECONDS);
  }

  @Test
  void ofPeersThatNeedNoTokenLeaveItServingAClientThatBehaves() throws Exception {
    start("--insecure");
    offer("", "");
  }

  /** The policy allows its principal nothing. */
  @Test
  void ofPeersWithATokenOfNoUseLeaveItServingAClientThatBehaves() throws Exception {
    NewToken useless = Tokens.create("useless");
    NewToken good = Tokens.create("good");
    Path tokens = Files.write(folder.resolve("tokens"), List.of(useless.line(), good.line()));
    Files.setPosixFilePermissions(tokens, PosixFilePermissions.fromString("rw-------"));
    Path policy =
        Files.writeString(
            folder.resolve("policy.yaml"),
            "rules: [{name: good, principals: [good], commands: [['**']]}]\n");
    start("--tokens", tokens.toString(), "--policy", policy.toString());
    offer(hello(useless), hello(good));
  }

  private static String hello(NewToken token) {
    return "'type':'hello','version':1,'token':'" + token.secret() + "'";
  }

  private void offer(String uselessHello, String goodHello) throws Exception {
    RawClient good = connect(goodHello);
    good.send("'id':'long','job':'long','argv':['sleep','600']");
    assertEquals("started", good.next().type());
    for (int i = 0; i < CONNECTIONS; i++) {
      begin(uselessHello);
      if (i % 250 == 0) {
        serves(good, !goodHello.isEmpty());
      }
    }
    serves(good, !goodHello.isEmpty());
    serves(connect(goodHello), !goodHello.isEmpty());
    assertEquals("ok", good.ask("'type':'cancel','job':'long'").type());
    Answer end = good.next();
    while (!end.type().equals("end")) {
      end = good.next();
    }
    assertEquals("canceled", end.text("outcome"));
    daemon.destroy();
    assertTrue(daemon.waitFor(60, TimeUnit.SECONDS), "the daemon does not end");
    assertEquals(0, daemon.exitValue(), Files.readString(folder.resolve("log")));
  }

  private void begin(String hello) throws IOException {
    RawClient client = connect(hello);
    try {
      client.send(UNFINISHED);
    } catch (IOException _) {
      // It was given up while it was sending.
    }
  }

  private RawClient connect(String hello) throws IOException {
    RawClient client = new RawClient(port);
    clients.add(client);
    if (!hello.isEmpty()) {
      assertEquals("hello", client.ask(hello).type());
    }
    return client;
  }

  /**
   * A command gives all that it prints. And a frame as large as theirs, in two parts, is taken of
   * another principal; one of theirs may be the next to give way.
   */
  private static void serves(RawClient client, boolean isAnother) throws IOException {
    if (isAnother) {
      client.send(UNFINISHED);
      client.send(Arrays.copyOfRange(FRAME, UNFINISHED.length, FRAME.length));
    }
    Answer end = client.ask("'argv':['seq','1','2000']");
    assertEquals(0, end.number("exit_code"), end::toString);
    assertEquals(8_893, end.header().path("stdout").path("bytes").asLong(), end::toString);
  }
}
