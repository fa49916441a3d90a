package dev.runnel.cli;

import dev.runnel.model.Request;
import dev.runnel.tls.TlsFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One command for many nodes, as {@code exec} was asked for it.
 *
 * @param nodes each has another name
 * @param parallel at so many at a time
 * @param look what becomes of the output
 * @param input whether each gets our stdin
 * @param firstFailure what a node's failure does to the others
 * @param report where each node's end goes; null: nowhere
 */
public record FanOutOrder(
    List<Node> nodes,
    int parallel,
    Look look,
    Input input,
    FirstFailure firstFailure,
    @Nullable FanOutReport report) {

  /** Whether the commands read our stdin. */
  public enum Input {
    NONE,
    OURS
  }

  /** What a node's failure does to the others. */
  public enum FirstFailure {
    NOTHING,
    /** No more are begun, and those that run are canceled. */
    ENDS_ALL
  }

  /** Whether what is no error is told on stderr. */
  public enum Notes {
    SHOWN,
    HIDDEN
  }

  /** How output is shown. */
  public enum Form {
    /** Whole lines as they come, each with its node's name. */
    LINES,
    /** At the end, once for all nodes with the same. */
    FOLDED,
    /** Not at all. */
    NONE
  }

  /**
   * What becomes of the output.
   *
   * @param folder gets a file for each node and stream; null: there are none
   * @param pieceBytes what is kept of a node's output at most before it is shown: its credit, and
   *     the longest line
   */
  public record Look(Form form, @Nullable Path folder, Notes notes, int pieceBytes) {}

  /**
   * Where a command runs.
   *
   * @param server the same one for nodes behind a door
   * @param run names the node if the server is a door
   * @param lost why the node is known to be out of reach; null: it is not
   */
  public record Node(String name, Server server, Request.Run run, @Nullable String lost) {
    /** Whether the server passes the command on. */
    public boolean isBehindDoor() {
      return !run.placement().isHere();
    }
  }

  /**
   * How a server is reached.
   *
   * @param host a name or a number; null: it is the socket
   * @param socket of this machine; null: it is the host
   * @param tls null: without
   * @param tlsName that its certificate has to have
   * @param linger how long a lost connection is made anew; zero: its loss is the job's end
   * @param heartbeat null: none
   */
  public record Server(
      @Nullable String host,
      int port,
      @Nullable Path socket,
      @Nullable String token,
      @Nullable TlsFiles tls,
      String tlsName,
      Duration connectTimeout,
      Duration linger,
      @Nullable Duration heartbeat) {
    /** Without the token, which is nobody's to print. */
    @Override
    public String toString() {
      return "Server[" + (socket == null ? host + ":" + port : socket) + "]";
    }
  }
}
