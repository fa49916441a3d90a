package dev.runnel.client;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.runnel.Tool;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.JobSpec;
import io.vertx.core.Vertx;
import io.vertx.junit5.VertxExtension;
import io.vertx.junit5.VertxTestContext;
import java.io.BufferedReader;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/** A port of this machine that another user has taken, while the server was gone. */
@Tag("root")
@ExtendWith(VertxExtension.class)
class ForeignListenerTest {
  private static final String PROGRAM =
      """
      import os, socket
      os.setuid(65534)
      server = socket.create_server(("127.0.0.1", 0))
      print(server.getsockname()[1], flush=True)
      print(server.accept()[0].recv(1000), flush=True)
      """;

  @Test
  void isGivenNoToken(Vertx vertx, VertxTestContext test) throws Exception {
    Tool.requireRoot("ForeignListenerTest.isGivenNoToken");
    Tool.require("python3", "ForeignListenerTest.isGivenNoToken");
    Process other = new ProcessBuilder("python3", "-c", PROGRAM).start();
    try (BufferedReader said = other.inputReader()) {
      int port = Integer.parseInt(said.readLine());
      ClientOptions there = ClientOptions.tcp("127.0.0.1", port).withToken("s3cret");
      CommandClient.of(vertx, there)
          .run(JobSpec.of(CommandSpec.of("true")))
          .onComplete(
              test.failing(
                  why ->
                      test.verify(
                          () -> {
                            assertEquals(refusal(port), why.getMessage());
                            test.completeNow();
                          })));
      assertTrue(test.awaitCompletion(30, TimeUnit.SECONDS));
      assertEquals("b''", said.readLine());
    } finally {
      other.destroyForcibly().waitFor();
    }
  }

  private static String refusal(int port) {
    return "cannot reach 127.0.0.1:"
        + port
        + ": the user with number 65534 listens there: the token is not sent (expected: us or root,"
        + " or TLS)";
  }
}
