package dev.runnel.client;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.CuttingProxy;
import dev.runnel.api.CommandException;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.job.JobRegistry;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.server.Authentication;
import dev.runnel.server.ListenAddress;
import dev.runnel.server.TestNode;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TestCa;
import dev.runnel.tls.TlsFiles;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemTrustOptions;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.cert.CertificateException;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The typed API over TCP. */
@SuppressWarnings("NullAway.Init") // The node is there before any test.
class CommandClientTest extends CommandsContract {
  private static TestNode node;
  private static Vertx vertx;
  private static Commands commands;

  @BeforeAll
  static void open() {
    node = new TestNode();
    vertx = Vertx.vertx();
    commands = CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", node.port()));
  }

  @AfterAll
  static void close() {
    var _ = await(vertx.close());
    node.close();
  }

  @Override
  protected Vertx vertx() {
    return vertx;
  }

  @Override
  protected Commands commands() {
    return commands;
  }

  @Override
  protected JobRegistry registry() {
    return node.registry();
  }

  @Test
  void failsWhereNobodyListens() throws Exception {
    int port;
    try (ServerSocket free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    CommandClient nobody = CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", port));
    CommandException why = failure(nobody.run(shell("true")));
    assertTrue(
        String.valueOf(why.getMessage()).startsWith("cannot reach 127.0.0.1:"), why::getMessage);
    assertInstanceOf(CommandException.Unreachable.class, why);
    assertInstanceOf(ConnectException.class, why.getCause());
    assertTrue(why.isRetryable());
  }

  @Test
  void goesThroughTlsWithItsToken(@TempDir Path folder) throws Exception {
    TestCa ca = new TestCa("ca");
    Path root = Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("dns:localhost", "ip:127.0.0.1").write(folder, "server");
    TlsFiles files = new TlsFiles(root, folder.resolve("server.crt"), folder.resolve("server.key"));
    NewToken token = Tokens.create("alice");
    Authentication byToken = new Authentication.ByToken(Tokens.parse(List.of(token.line())));
    int port = node.listen(new Authentication.OverTls(ServerTls.of(files), byToken));
    ClientSSLOptions trust =
        new ClientSSLOptions().setTrustOptions(new PemTrustOptions().addCertPath("" + root));
    ClientOptions there = ClientOptions.tcp("127.0.0.1", port).withToken(token.secret());
    Commands secured = CommandClient.of(vertx, there.withTls(trust));
    JobHandle job = await(secured.run(piped("cat")));
    assertEquals("alice", await(secured.status(job.id())).principal());
    Promise<String> echoed = Promise.promise();
    onContext(() -> collect(job.stdout(), echoed), job);
    await(onContext(() -> feed(job.stdin(), new byte[500_000], 0), job));
    assertEquals(500_000, await(echoed.future()).length());
    assertEquals(new ExitStatus.Exited(0), await(job.end()).status());

    Commands misled = CommandClient.of(vertx, there.withTls(trust, "elsewhere.example"));
    CommandException misnamed = failure(misled.run(shell("true")));
    assertTrue(misnamed.getMessage().startsWith("cannot reach"));
    assertTrue(
        Stream.iterate(misnamed, Objects::nonNull, Throwable::getCause)
            .anyMatch(CertificateException.class::isInstance),
        () -> "" + misnamed.getCause());
    Commands stranger =
        CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", port).withTls(trust));
    assertEquals(ErrorCode.UNAUTHENTICATED, refusal(stranger.run(shell("true"))).code());
  }

  @Test
  void tokenIsNotSentInClearToAnotherMachine() {
    for (String host : List.of("192.0.2.1", "2001:db8::1")) {
      ClientOptions there = ClientOptions.tcp(host, 7866).withToken("s3cret");
      CommandException refused = failure(CommandClient.of(vertx, there).run(shell("true")));
      assertTrue(refused.getMessage().contains("in clear"), refused::getMessage);
      assertFalse((refused.getMessage() + there).contains("s3cret"));
    }
  }

  @Test
  void goesThroughAUnixSocket(@TempDir Path folder) {
    String path = "" + folder.resolve("socket");
    node.listen(new ListenAddress.Unix(path), new Authentication.ByUser());
    Commands here = CommandClient.of(vertx, ClientOptions.unix(path));
    Promise<String> stdout = Promise.promise();
    Future<End> end =
        here.run(shell("echo here; exit 2"))
            .compose(
                job -> {
                  collect(job.stdout(), stdout);
                  return job.end();
                });
    assertEquals(new ExitStatus.Exited(2), await(end).status());
    assertEquals("here\n", await(stdout.future()));
  }

  @Test
  void lossOfTheConnectionFailsTheEndOfWhoDoesNotComeBack() throws Exception {
    try (CuttingProxy proxy = new CuttingProxy(node.port(), 1, List.of(), 1)) {
      ClientOptions once = ClientOptions.tcp("127.0.0.1", proxy.port()).withLinger(Duration.ZERO);
      JobHandle job = await(CommandClient.of(vertx, once).run(shell("exec sleep 60")));
      proxy.cutAll();
      assertTrue(failure(job.end()).getMessage().contains("end is not known"));
      until(() -> ProcessHandle.of(job.pid()).isEmpty());
    }
  }

  @Test
  void nodeThatSpeaksSomethingElseIsNamedSo() throws Exception {
    try (ServerSocket web = new ServerSocket(0, 5, InetAddress.getLoopbackAddress())) {
      Thread server =
          Thread.ofPlatform()
              .start(
                  () -> {
                    try (Socket socket = web.accept()) {
                      socket
                          .getOutputStream()
                          .write("HTTP/1.1 400 Bad Request\r\n".getBytes(US_ASCII));
                      socket.getInputStream().readAllBytes();
                    } catch (IOException _) {
                      // The client has gone.
                    }
                  });
      Commands other = CommandClient.of(vertx, ClientOptions.tcp("127.0.0.1", web.getLocalPort()));
      CommandException why = failure(other.run(shell("true")));
      assertTrue(why.getMessage().contains("does not speak"), why::getMessage);
      server.join();
    }
  }
}
