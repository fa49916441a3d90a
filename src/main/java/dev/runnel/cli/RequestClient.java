package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.Header;
import dev.runnel.wire.ProtocolException;
import dev.runnel.wire.RequestEncoder;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Short questions to a server, one after the other, answered within a time or not at all. */
final class RequestClient implements AutoCloseable {
  private final BlockingConnection connection;
  private final Duration timeout;
  private final Thread watch;
  private volatile boolean tooLate;
  private int asked;
  private boolean heard;

  private RequestClient(BlockingConnection connection, Duration timeout) {
    this.connection = connection;
    this.timeout = timeout;
    this.watch = new Thread(this::closeWhenLate, "timeout");
    watch.setDaemon(true);
    watch.start();
  }

  /** Connects, and says who we are if there is a token. */
  static RequestClient open(Target target, CliContext surroundings) throws Failure {
    Host host = target.host() == null ? DefaultServer.find(surroundings.env()) : target.host();
    if (host == null) {
      throw DefaultServer.missing(surroundings.env());
    }
    BlockingConnection connection = Connector.connect(host, target);
    RequestClient inquiry = new RequestClient(connection, target.connectTimeout());
    if (target.token() != null) {
      inquiry.send(new Request.Hello(1, target.token()));
    }
    return inquiry;
  }

  /** Says who we are on a connection that stays open; blocks until the server agreed. */
  static Event.Hello greet(BlockingConnection connection, Request.Hello hello, Duration timeout)
      throws Failure {
    RequestClient inquiry = new RequestClient(connection, timeout);
    inquiry.send(hello);
    Event event = inquiry.next();
    inquiry.watch.interrupt();
    if (event instanceof Event.Hello answer) {
      return answer;
    }
    throw Failure.of(connection.host().name() + " answered something else than was asked");
  }

  /** Whom we ask. */
  Host host() {
    return connection.host();
  }

  void send(Request request) {
    asked++;
    try {
      connection.send(RequestEncoder.encode("" + asked, request));
    } catch (IOException _) {
      // A server that closes says why before it does: whoever reads the connection tells.
    }
  }

  /** Blocks until the next part of the answer to what was asked last, which is no error. */
  Event next() throws Failure {
    Event event = nextOrError();
    if (event instanceof Event.Failed failed) {
      throw ErrorAnswer.of(connection.host(), failed);
    }
    return event;
  }

  /** The same, or the error that ended the request. */
  Event nextOrError() throws Failure {
    try {
      while (true) {
        Header header = connection.next();
        if (header == null) {
          throw lost("it was closed" + (heard ? "" : ConnectionErrors.hint(host())));
        }
        heard = true;
        Event event = EventDecoder.decode(header);
        boolean ours = ("" + asked).equals(header.id());
        if (event instanceof Event.Failed failed && !ours) {
          throw ErrorAnswer.of(connection.host(), failed);
        }
        if (event != null && ours) {
          return event;
        }
      }
    } catch (IOException e) {
      throw lost(e.getMessage());
    } catch (ProtocolException e) {
      throw Failure.of(host().name() + " does not speak Runnel's protocol: " + e.getMessage());
    }
  }

  /** The body that came with the last part. */
  ByteBuffer body() {
    return connection.body();
  }

  private Failure lost(@Nullable String reason) {
    return Failure.of(
        tooLate
            ? "no answer from " + host().name() + " within " + Durations.show(timeout)
            : "connection to " + host().name() + " lost before the answer: " + reason);
  }

  private void closeWhenLate() {
    try {
      Thread.sleep(timeout);
      tooLate = true;
      connection.close();
    } catch (InterruptedException _) {
      // Answered in time.
    }
  }

  @Override
  public void close() {
    watch.interrupt();
    connection.close();
  }
}
