package dev.runnel.cluster;

import dev.runnel.server.ListenAddress;
import dev.runnel.tls.TlsFiles;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a node is told about its cluster.
 *
 * @param name the cluster's: nodes of another name are not let in
 * @param listen where members talk about who is there; frames of other nodes go to the next port
 * @param join where members may be, as HOST or HOST:PORT; empty: others join this one
 * @param labels the node's own
 * @param silence after which a member is lost of which nothing is heard
 * @param tls by which nodes know each other; null: every address is this machine's
 */
public record ClusterOptions(
    String name,
    ListenAddress.Tcp listen,
    List<String> join,
    Map<String, String> labels,
    Duration silence,
    @Nullable TlsFiles tls) {
  public static final int DEFAULT_PORT = 7867;
  public static final String DEFAULT_NAME = "runnel";
  public static final Duration DEFAULT_SILENCE = Duration.ofSeconds(8);

  /** Of a node, which is a part of the names of its jobs; of a cluster, a label and its value. */
  public static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]{0,39}";

  public static final int MAX_LABELS = 32;

  /** Where the frames of other nodes come in. */
  public ListenAddress.Tcp frames() {
    return new ListenAddress.Tcp(listen.host(), listen.port() == 0 ? 0 : listen.port() + 1);
  }
}
