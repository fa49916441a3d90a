package dev.runnel.server;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.model.Caller;
import dev.runnel.model.CommandSpec;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobSpec;
import dev.runnel.model.Request;
import dev.runnel.wire.EventEncoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.RequestEncoder;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import java.io.DataInputStream;
import java.io.IOException;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A relay to a node that only hears what it is asked. */
class RelayTest {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String BOOT = "b-2";
  private static final int PATIENCE_MILLIS = 30_000;

  private final Vertx vertx = Vertx.vertx();
  private final Context loop = vertx.getOrCreateContext();
  private ServerSocket node = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());

  RelayTest() throws IOException {}

  @BeforeEach
  void listen() throws IOException {
    node.setSoTimeout(PATIENCE_MILLIS);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
    vertx.close().toCompletionStage().toCompletableFuture().get();
  }

  /** A client of whom the relay is told, and who wants to know nothing. */
  private final class Nobody implements Relay.Client {
    @Override
    public Caller caller() {
      return new Caller("ci", "192.0.2.1", Caller.Via.TCP);
    }

    @Override
    public void pass(byte[] header, byte[] body, boolean isOutput) {}

    @Override
    public void answer(@Nullable String id, Event event) {}

    @Override
    public void flush() {}

    @Override
    public boolean hasRoom() {
      return true;
    }

    @Override
    public void execute(Runnable task) {
      loop.runOnContext(_ -> task.run());
    }

    @Override
    public void started(Relay relay, Relayed request, JobId job) {}

    @Override
    public void done(Relayed request) {}

    @Override
    public boolean goesElsewhere(Relayed request, Header error) {
      return false;
    }

    @Override
    public void own(Relay relay, Header header, byte[] body) {}

    @Override
    public void readSoon() {}
  }

  private Relay relay() {
    ClusterView.Watch none = () -> {};
    ClusterView view =
        (ClusterView)
            Proxy.newProxyInstance(
                getClass().getClassLoader(), new Class<?>[] {ClusterView.class}, (_, _, _) -> none);
    NodeDialer dialer = new NodeDialer(vertx, new NodeDialer.Terms("n1", "runnel", null, "s3cret"));
    NodeAddress there = new NodeAddress("n2", BOOT, "127.0.0.1", node.getLocalPort());
    return new Relay(vertx, new ClusterMember(view, dialer), there, new Nobody());
  }

  private static Relayed relayed(String id, Request request) {
    return new Relayed(id, request, RequestEncoder.encode(id, request), new byte[0]);
  }

  private static JsonNode next(DataInputStream in) throws IOException {
    JsonNode header = JSON.readTree(in.readNBytes(Integer.reverseBytes(in.readInt())));
    in.skipNBytes(header.path("total_size").asInt());
    return header;
  }

  // One that a node has refused is asked of another, to which there is no connection yet.
  @Test
  void whatAnotherNodeWasAskedIsAskedOnceMoreAndNoMore() throws Exception {
    JobSpec spec = JobSpec.of(CommandSpec.of("true"));
    Relayed run = relayed("r", new Request.Run(new JobId("j"), "o", spec, null));
    run.sent();
    loop.runOnContext(
        _ -> {
          Relay relay = relay();
          relay.send(run);
          relay.send(relayed("last", new Request.Status(new JobId("j"))));
        });
    List<String> heard = new ArrayList<>();
    try (Socket socket = node.accept()) {
      socket.setSoTimeout(PATIENCE_MILLIS);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      assertEquals("hello", next(in).path("type").asText());
      Event.Hello hello =
          new Event.Hello(1, "runnel", "n2", BOOT, 65_536, 131_072, 256, 256, List.of());
      socket.getOutputStream().write(EventEncoder.encode(null, hello, 0));
      while (!heard.contains("last")) {
        heard.add(next(in).path("id").asText());
      }
    }
    assertEquals(List.of("r", "last"), heard);
  }
}
