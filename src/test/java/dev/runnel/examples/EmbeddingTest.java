package dev.runnel.examples;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.RunnelOptions;
import dev.runnel.RunnelVerticle;
import dev.runnel.api.CommandException;
import dev.runnel.api.CommandResult;
import dev.runnel.api.Commands;
import dev.runnel.api.CommandsContract;
import dev.runnel.api.JobHandle;
import dev.runnel.client.ClientOptions;
import dev.runnel.client.CommandClient;
import dev.runnel.eventbus.CommandBus;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.End;
import dev.runnel.model.ErrorCode;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.JobSpec;
import dev.runnel.model.JobState;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Outcome;
import dev.runnel.security.identity.Tokens;
import dev.runnel.security.identity.Tokens.NewToken;
import dev.runnel.security.policy.RecordingScope;
import dev.runnel.server.ListenAddress;
import dev.runnel.settings.Limit;
import dev.runnel.settings.SettingsException;
import dev.runnel.tls.TestCa;
import io.vertx.core.Context;
import io.vertx.core.DeploymentOptions;
import io.vertx.core.Future;
import io.vertx.core.Vertx;
import io.vertx.core.http.HttpServer;
import io.vertx.core.http.HttpServerResponse;
import io.vertx.core.json.JsonObject;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import io.vertx.core.spi.tracing.SpanKind;
import io.vertx.core.spi.tracing.TagExtractor;
import io.vertx.core.spi.tracing.VertxTracer;
import io.vertx.core.tracing.TracingPolicy;
import java.net.InetAddress;
import java.net.Socket;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Runnel as a library in somebody's application. */
class EmbeddingTest {
  private static final long PATIENCE_SECONDS = 30;

  private final Vertx vertx = Vertx.vertx();

  @AfterEach
  void close() {
    await(vertx.close());
  }

  @Test
  void exampleSortsAFileLargerThanAnyWindow(@TempDir Path folder) throws Exception {
    Random random = new Random(1);
    List<String> lines =
        Stream.generate(() -> "" + random.nextLong()).limit(200_000).sorted().toList();
    List<String> shuffled = new java.util.ArrayList<>(lines);
    java.util.Collections.shuffle(shuffled, random);
    Path from = Files.write(folder.resolve("from"), shuffled);
    Path to = folder.resolve("to");
    await(vertx.deployVerticle(new RunnelVerticle()));
    await(vertx.deployVerticle(new SortedFile(from.toString(), to.toString())));
    assertEquals(lines, Files.readAllLines(to));
  }

  @Test
  void twoOnOneVertxServeEachItsOwnAddress() {
    RunnelOptions options = new RunnelOptions();
    await(vertx.deployVerticle(new RunnelVerticle(new RunnelOptions(options).setAddress("left"))));
    String right =
        await(
            vertx.deployVerticle(
                new RunnelVerticle(new RunnelOptions(options).setAddress("right"))));
    assertEquals(new ExitStatus.Exited(1), run("left", "exit 1").status());
    assertEquals(new ExitStatus.Exited(2), run("right", "exit 2").status());
    await(vertx.undeploy(right));
    assertEquals(new ExitStatus.Exited(3), run("left", "exit 3").status());
  }

  @Test
  void listensOnlyWhereItIsTold() throws Exception {
    RunnelVerticle silent = new RunnelVerticle();
    await(vertx.deployVerticle(silent));
    assertEquals(List.of(), silent.listening());
    RunnelVerticle listening =
        new RunnelVerticle(
            new RunnelOptions().setAddress("other").setInsecure(true).addListener("127.0.0.1", 0));
    await(vertx.deployVerticle(listening));
    int port = ((ListenAddress.Tcp) listening.listening().getFirst()).port();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), port)) {
      String header = "{\"type\":\"ping\",\"total_size\":0}";
      byte[] frame = ("    " + header).getBytes(StandardCharsets.UTF_8);
      frame[0] = (byte) header.length();
      frame[1] = frame[2] = frame[3] = 0;
      socket.getOutputStream().write(frame);
      byte[] length = socket.getInputStream().readNBytes(4);
      byte[] answer = socket.getInputStream().readNBytes(length[0]);
      assertTrue(new String(answer, StandardCharsets.UTF_8).contains("pong"));
    }
  }

  @Test
  void listensWithTlsForWhoHasATokenOrACertificate(@TempDir Path folder) throws Exception {
    TestCa ca = new TestCa("ca");
    Path root = Files.writeString(folder.resolve("ca.crt"), ca.cert());
    ca.issue("ip:127.0.0.1").write(folder, "server");
    ca.issue("dns:alice").write(folder, "alice");
    NewToken token = Tokens.create("bob");
    RunnelVerticle node =
        new RunnelVerticle(
            new RunnelOptions()
                .setTokens(Files.writeString(folder.resolve("tokens"), token.line() + "\n"))
                .setTls(folder.resolve("server.crt"), folder.resolve("server.key"))
                .setTlsClientCa(root)
                .addListener("127.0.0.1", 0));
    await(vertx.deployVerticle(node));
    int port = ((ListenAddress.Tcp) node.listening().getFirst()).port();
    ClientOptions there = ClientOptions.tcp("127.0.0.1", port);
    ClientSSLOptions trust =
        new ClientSSLOptions().setTrustOptions(new PemTrustOptions().addCertPath("" + root));
    assertEquals("bob", principal(there.withToken(token.secret()).withTls(trust)));
    trust.setKeyCertOptions(
        new PemKeyCertOptions()
            .addCertPath("" + folder.resolve("alice.crt"))
            .addKeyPath("" + folder.resolve("alice.key")));
    assertEquals("dns:alice", principal(there.withTls(trust)));
  }

  private String principal(ClientOptions there) {
    Commands node = CommandClient.of(vertx, there);
    return await(
        node.run(JobSpec.of(CommandSpec.of("true")))
            .compose(job -> job.end().compose(_ -> node.status(job.id())))
            .map(JobStatus::principal));
  }

  @Test
  void isNotDeployedWithoutTheFilesOfItsTls(@TempDir Path folder) {
    RunnelOptions options =
        new RunnelOptions()
            .setInsecure(true)
            .addListener("127.0.0.1", 0)
            .setTls(folder.resolve("crt"), folder.resolve("key"));
    CompletionException failure =
        assertThrows(
            CompletionException.class,
            () -> await(vertx.deployVerticle(new RunnelVerticle(options))));
    assertEquals(
        "TLS: " + folder.resolve("crt") + ": no such file",
        assertInstanceOf(SettingsException.class, failure.getCause()).getMessage());
  }

  @Test
  void leavesTheApplicationsOwnChildrenAlone() throws Exception {
    await(vertx.deployVerticle(new RunnelVerticle()));
    Process own = new ProcessBuilder("sh", "-c", "sleep 0.1; exit 7").start();
    for (int i = 0; i < 20; i++) {
      run("runnel", "true");
    }
    assertTrue(own.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS));
    assertEquals(7, own.exitValue());
  }

  @Test
  void undeployedItEndsItsJobs() {
    String id = await(vertx.deployVerticle(new RunnelVerticle()));
    JobHandle job =
        await(
            CommandBus.of(vertx).run(JobSpec.of(CommandSpec.of("sh", "-c", "sleep 1000 & wait"))));
    assertTrue(ProcessHandle.of(job.pid()).isPresent());
    await(vertx.undeploy(id));
    assertFalse(ProcessHandle.of(job.pid()).isPresent());
  }

  @Test
  void commandEndsWhenTheBrowserThatReadsItGoes() throws Exception {
    await(vertx.deployVerticle(new RunnelVerticle()));
    Commands commands = CommandBus.of(vertx);
    HttpServer server =
        await(
            vertx
                .createHttpServer()
                .requestHandler(
                    request -> {
                      HttpServerResponse response = request.response().setChunked(true);
                      commands
                          .run(CommandSpec.of("yes"))
                          .compose(job -> job.pipeTo(response))
                          .onFailure(_ -> response.reset());
                    })
                .listen(0, "127.0.0.1"));
    try (Socket browser = new Socket(InetAddress.getLoopbackAddress(), server.actualPort())) {
      browser
          .getOutputStream()
          .write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
      assertTrue(browser.getInputStream().readNBytes(1_000).length == 1_000);
    }
    CommandsContract.until(
        () -> await(commands.jobs()).stream().allMatch(job -> job.state() == JobState.ENDED));
    assertEquals(1, await(commands.jobs()).size());
  }

  @Test
  void sameVerticleIsNotDeployedTwice() {
    RunnelVerticle verticle = new RunnelVerticle();
    await(vertx.deployVerticle(verticle));
    CompletionException twice =
        assertThrows(CompletionException.class, () -> await(vertx.deployVerticle(verticle)));
    assertInstanceOf(IllegalStateException.class, twice.getCause());
    assertEquals(new ExitStatus.Exited(2), run("runnel", "exit 2").status());
  }

  @Test
  void optionsAreJsonAndBack(@TempDir Path folder) {
    RunnelOptions options =
        new RunnelOptions()
            .setAddress("here")
            .setNode("embedded")
            .addListener("::1", 0)
            .addUnixListener(folder.resolve("s"))
            .setTokens(folder.resolve("tokens"))
            .setTls(folder.resolve("crt"), folder.resolve("key"))
            .setShutdownGrace(Duration.ofSeconds(90))
            .setRecordings(folder, RecordingScope.ALL)
            .setLimit(Limit.MAX_JOBS, 7);
    JsonObject json = options.toJson();
    assertEquals(json, new RunnelOptions(new JsonObject(json.encode())).toJson());
    assertEquals(json, new RunnelOptions(options).toJson());
    assertEquals(
        "{\"max_jobs\":7}", new RunnelOptions(json).toJson().getJsonObject("limits").encode());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"max_jobs\":7} | max_jobs: unknown key",
        "{\"tls\":{\"certificate\":\"f\"}} | tls.certificate: unknown key",
        "{\"log_level\":\"debug\"} | log_level: unknown key",
        "{\"console\":true} | console: unknown key",
        "{\"cluster\":{\"listen\":\"127.0.0.1:1\"}} | cluster.listen: unknown key",
        "{\"insecure\":\"yes\"} | insecure: yes (expected: true or false)",
        "{\"policy\":[\"a\",\"b\"]} | policy: 2 values (expected: one)",
        "{\"listen\":\"nowhere\"} | listen: nowhere",
        "{\"limits\":{\"max_jobs\":-5}} | limits.max_jobs: -5",
        "{\"limits\":{\"jobs\":5}} | limits.jobs: unknown limit",
        "{\"address\":5} | address: 5 (expected: a string)",
        "{\"audit\":null} | audit: null (expected: a value)"
      })
  void keyOrValueThatThereIsNotIsRefused(String json, String words) {
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> new RunnelOptions(new JsonObject(json)));
    assertTrue(String.valueOf(refused.getMessage()).startsWith(words), "" + refused);
  }

  @Test
  void listenerIsAddedToThoseThatAConfigurationHasAndNoneThatIsWrong() {
    RunnelOptions options = new RunnelOptions(new JsonObject().put("listen", "127.0.0.1:0"));
    options.addUnixListener(Path.of("s"));
    assertThrows(IllegalArgumentException.class, () -> options.addListener("127.0.0.1", -1));
    assertEquals(
        List.of("127.0.0.1:0", "unix:s"), options.toJson().getJsonArray("listen").getList());
  }

  @Test
  void nodeTellsTheNameThatItWasGiven(@TempDir Path folder) throws Exception {
    RunnelVerticle node =
        new RunnelVerticle(
            new RunnelOptions().setNode("embedded").addUnixListener(folder.resolve("s")));
    await(vertx.deployVerticle(node));
    String header = "{\"type\":\"hello\",\"version\":1,\"total_size\":0}";
    try (SocketChannel socket =
        SocketChannel.open(UnixDomainSocketAddress.of(folder.resolve("s")))) {
      ByteBuffer frame = ByteBuffer.allocate(4 + header.length()).order(ByteOrder.LITTLE_ENDIAN);
      frame.putInt(header.length()).put(header.getBytes(StandardCharsets.US_ASCII)).flip();
      socket.write(frame);
      ByteBuffer answer = ByteBuffer.allocate(4_096);
      String text = "";
      while (!text.endsWith("}")) {
        assertTrue(socket.read(answer) > 0, text);
        text = new String(answer.array(), 0, answer.position(), StandardCharsets.US_ASCII);
      }
      assertTrue(text.contains("\"node\":\"embedded\""), text);
    }
  }

  @Test
  void listenerWithoutTokensIsRefusedUnlessThatIsMeant() {
    RunnelOptions options = new RunnelOptions().addListener("127.0.0.1", 0);
    CompletionException refused =
        assertThrows(
            CompletionException.class,
            () -> await(vertx.deployVerticle(new RunnelVerticle(options))));
    assertTrue(("" + refused.getCause()).contains("could run commands here"), "" + refused);
  }

  @Test
  void isWholeByTheConfigurationOfItsDeployment(@TempDir Path folder) throws Exception {
    Path policy =
        Files.writeString(
            folder.resolve("policy"),
            """
            rules:
              - name: words
                principals: [bus]
                commands: [[echo, "**"]]
            """);
    Path audit = folder.resolve("audit");
    JsonObject config =
        new JsonObject()
            .put("policy", policy.toString())
            .put("audit", audit.toString())
            .put("state_dir", folder.resolve("state").toString())
            .put("limits", new JsonObject().put("max_jobs", 5));
    String id =
        await(
            vertx.deployVerticle(
                RunnelVerticle.class.getName(), new DeploymentOptions().setConfig(config)));
    Commands commands = CommandBus.of(vertx);
    assertEquals("hi\n", await(commands.collect(CommandSpec.of("echo", "hi"))).out());
    CompletionException refused =
        assertThrows(
            CompletionException.class, () -> await(commands.collect(CommandSpec.of("id"))));
    assertEquals(
        ErrorCode.FORBIDDEN,
        assertInstanceOf(CommandException.Refused.class, refused.getCause()).code());
    // Read again while it runs.
    Files.writeString(policy, Files.readString(policy).replace("echo", "id"));
    CommandsContract.until(
        () -> await(commands.collect(CommandSpec.of("id")).map(_ -> true).otherwise(false)));
    await(vertx.undeploy(id));
    String lines = Files.readString(audit);
    for (String event : List.of("\"start\"", "\"denied\"", "\"end\"")) {
      assertTrue(lines.contains(event), lines);
    }
    assertTrue(lines.contains("\"principal\":\"bus\""), lines);
    assertTrue(Files.isDirectory(folder.resolve("state/jobs")), lines);
  }

  @Test
  void undeployedItLetsJobsEndWithinItsGrace() {
    RunnelOptions options = new RunnelOptions().setShutdownGrace(Duration.ofMinutes(1));
    String id = await(vertx.deployVerticle(new RunnelVerticle(options)));
    JobHandle job = await(CommandBus.of(vertx).run(CommandSpec.of("sleep", "0.5")));
    job.discardOutput();
    await(vertx.undeploy(id));
    assertEquals(new ExitStatus.Exited(0), await(job.end()).status());
  }

  @Test
  void limitBeyondItsBoundsIsRefused() {
    RunnelOptions options = new RunnelOptions();
    IllegalArgumentException refused =
        assertThrows(IllegalArgumentException.class, () -> options.setLimit(Limit.MAX_JOBS, -5));
    assertTrue(String.valueOf(refused.getMessage()).contains("max_jobs: -5"), "" + refused);
  }

  @Test
  void outputIsNotTracedPieceByPiece() {
    AtomicInteger traced = new AtomicInteger();
    VertxTracer<Object, Object> tracer =
        new VertxTracer<>() {
          @Override
          public <R> @Nullable Object sendRequest(
              Context context,
              SpanKind kind,
              TracingPolicy policy,
              R request,
              String operation,
              BiConsumer<String, String> headers,
              TagExtractor<R> tags) {
            traced.addAndGet(policy == TracingPolicy.IGNORE ? 0 : 1);
            return null;
          }
        };
    Vertx watched = Vertx.builder().withTracer(_ -> tracer).build();
    try {
      await(watched.deployVerticle(new RunnelVerticle()));
      CommandResult result =
          await(CommandBus.of(watched).collect(CommandSpec.of("seq", "1000000")));
      assertEquals(6_888_896, result.stdout().length());
      assertTrue(traced.get() <= 5, () -> "messages that may be traced: " + traced);
    } finally {
      await(watched.close());
    }
  }

  private End run(String address, String line) {
    End end =
        await(
            CommandBus.at(vertx, address)
                .run(JobSpec.of(CommandSpec.of("sh", "-c", line)))
                .compose(JobHandle::end));
    assertEquals(Outcome.EXITED, end.outcome());
    return end;
  }

  private static <T> T await(Future<T> future) {
    return future
        .toCompletionStage()
        .toCompletableFuture()
        .orTimeout(PATIENCE_SECONDS, TimeUnit.SECONDS)
        .join();
  }
}
