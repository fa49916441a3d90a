package dev.runnel.model;

import java.util.Collections;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * A node of a cluster at one moment, as another knows it. PROTOCOL.md, "Requests", {@code nodes}.
 *
 * @param boot a random name of this life of the node
 * @param labels by which it can be chosen
 * @param version of its software
 * @param jobs that have not ended
 * @param room what is left of its places for jobs and of its memory for output, whichever is less,
 *     in thousandths
 * @param address where other nodes reach it
 * @param ageMillis how long it has been there, or has been lost
 */
public record NodeStatus(
    String name,
    String boot,
    State state,
    Map<String, String> labels,
    String version,
    int jobs,
    int room,
    String address,
    long ageMillis) {
  /** In which state a node is. */
  public enum State {
    /** It is there, and has not said yet what it has room for. */
    JOINING,
    READY,
    /** It ends: no jobs begin there. */
    DRAINING,
    LOST;

    private final String wireName = name().toLowerCase(Locale.ROOT);

    public String wireName() {
      return wireName;
    }
  }

  public NodeStatus {
    labels = Collections.unmodifiableMap(new TreeMap<>(labels));
  }

  /** Whether it has all of these labels. */
  public boolean matches(Map<String, String> wanted) {
    return labels.entrySet().containsAll(wanted.entrySet());
  }
}
