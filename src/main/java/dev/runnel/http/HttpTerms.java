package dev.runnel.http;

import dev.runnel.server.Authentication;
import dev.runnel.server.ServerContext;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What an HTTP listener needs of its node.
 *
 * @param access how its peers are known, and TLS if it is spoken
 * @param loop whether the thread that looks after processes answers
 * @param ready what else has to be well for the node to take jobs
 * @param metrics null: there are none
 * @param frames null: nothing tells who asks for them
 * @param console null: there is none
 */
public record HttpTerms(
    ServerContext room,
    Authentication access,
    Check loop,
    List<Check> ready,
    @Nullable MetricsPage metrics,
    @Nullable FrameTerms frames,
    @Nullable ConsoleFiles console) {
  public HttpTerms {
    ready = List.copyOf(ready);
  }
}
