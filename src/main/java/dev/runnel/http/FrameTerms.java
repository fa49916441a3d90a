package dev.runnel.http;

import dev.runnel.server.Authentication;
import dev.runnel.server.Origin;
import java.util.List;

/**
 * To whom frames are served over WebSockets.
 *
 * @param access how they are known
 * @param origins whose pages may connect, besides those from the same host
 */
public record FrameTerms(Authentication access, List<Origin> origins) {
  public FrameTerms {
    origins = List.copyOf(origins);
  }
}
