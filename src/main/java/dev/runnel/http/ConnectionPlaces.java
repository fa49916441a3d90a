package dev.runnel.http;

import io.netty.channel.Channel;
import io.netty.util.AttributeKey;
import io.vertx.core.http.HttpConnection;
import io.vertx.core.http.impl.HttpServerConnection;
import java.util.HashMap;
import java.util.Map;

/**
 * How many connections there are, together and of each source: few, as a probe and a scrape need no
 * more. A place is given back when its connection is closed, if not before. On the listener's event
 * loop.
 */
final class ConnectionPlaces {
  static final int MAX_CONNECTIONS = 128;
  static final int MAX_OF_SOURCE = 16;

  /** On whose behalf a connection has its place. */
  private static final AttributeKey<String> SOURCE = AttributeKey.valueOf("runnel.http.source");

  private final Map<String, Integer> bySource = new HashMap<>();
  private int count;

  /** Takes a place for a connection; or takes none and says false. */
  boolean take(Channel connection, String source) {
    int ofSource = bySource.getOrDefault(source, 0);
    if (count >= MAX_CONNECTIONS || ofSource >= MAX_OF_SOURCE) {
      return false;
    }
    count++;
    bySource.put(source, ofSource + 1);
    connection.attr(SOURCE).set(source);
    connection.closeFuture().addListener(_ -> leave(connection));
    return true;
  }

  boolean take(HttpConnection connection, String source) {
    return take(channel(connection), source);
  }

  /** Gives its place back, if it has one. */
  void leave(HttpConnection connection) {
    leave(channel(connection));
  }

  private static Channel channel(HttpConnection connection) {
    return ((HttpServerConnection) connection).channelHandlerContext().channel();
  }

  private void leave(Channel connection) {
    String source = connection.attr(SOURCE).getAndSet(null);
    if (source != null) {
      count--;
      bySource.computeIfPresent(source, (_, of) -> of == 1 ? null : of - 1);
    }
  }
}
