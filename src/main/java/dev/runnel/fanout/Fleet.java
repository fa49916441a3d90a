package dev.runnel.fanout;

import dev.runnel.cli.CliContext;
import dev.runnel.cli.FanOutOrder;
import dev.runnel.cli.NodeEnd;
import dev.runnel.cli.NodeSet;
import dev.runnel.client.ClientOptions;
import dev.runnel.client.CommandClient;
import dev.runnel.model.Signal;
import io.vertx.core.Context;
import io.vertx.core.Vertx;
import io.vertx.core.net.ClientSSLOptions;
import io.vertx.core.net.PemKeyCertOptions;
import io.vertx.core.net.PemTrustOptions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * The nodes of one command: which are to begin, which run, how each ended. Everything is on one
 * event loop, but for {@link #post}.
 */
final class Fleet implements NodeRun.Owner {
  private static final long STATUS_MILLIS = 500;

  private final Vertx vertx;
  private final Context loop;
  private final FanOutOrder order;
  private final Printer printer;
  private final @Nullable Folding folding;
  private final NodeOutput.Maker outputs;
  private final Map<FanOutOrder.Server, CommandClient> clients = new HashMap<>();
  private final Set<NodeRun> running = new LinkedHashSet<>();
  private final Set<NodeRun> paused = new LinkedHashSet<>();
  private final Map<String, NodeEnd> ends = new LinkedHashMap<>();
  private @Nullable InputSpool input;
  private NodeEnd.Here here = NodeEnd.Here.NOTHING;
  private Signal signal = Signal.INT;
  private int next;
  private int worst;
  private int failed;
  private int interrupts;
  private boolean over;

  Fleet(
      Vertx vertx,
      FanOutOrder order,
      Printer printer,
      @Nullable Folding folding,
      NodeOutput.Maker outputs) {
    this.vertx = vertx;
    this.loop = vertx.getOrCreateContext();
    this.order = order;
    this.printer = printer;
    this.folding = folding;
    this.outputs = outputs;
  }

  /** Has it done on the event loop. Any thread. */
  void post(Runnable task) {
    loop.runOnContext(_ -> task.run());
  }

  void begin(@Nullable InputSpool ourInput, CliContext context) {
    input = ourInput;
    boolean isWatched = context.err().isTerminal();
    if (isWatched && order.look().notes() == FanOutOrder.Notes.SHOWN) {
      var _ = vertx.setPeriodic(STATUS_MILLIS, _ -> printer.status(status()));
    }
    beginMore();
  }

  private void beginMore() {
    while (!over
        && here == NodeEnd.Here.NOTHING
        && next < order.nodes().size()
        && running.size() < order.parallel()) {
      FanOutOrder.Node node = order.nodes().get(next);
      next++;
      NodeRun run = new NodeRun(node, this, outputs.of(node.name()));
      running.add(run);
      run.start(clients.computeIfAbsent(node.server(), this::client));
    }
    if (!over && running.isEmpty()) {
      finish();
    }
  }

  private CommandClient client(FanOutOrder.Server server) {
    ClientOptions options =
        server.socket() != null
            ? ClientOptions.unix(server.socket().toString())
            : ClientOptions.tcp(String.valueOf(server.host()), server.port());
    options =
        options
            .withConnectTimeout(server.connectTimeout())
            .withLinger(server.linger())
            .withHeartbeat(server.heartbeat());
    if (server.token() != null) {
      options = options.withToken(server.token());
    }
    if (server.tls() != null) {
      ClientSSLOptions tls = new ClientSSLOptions();
      if (server.tls().ca() != null) {
        tls.setTrustOptions(new PemTrustOptions().addCertPath(server.tls().ca().toString()));
      }
      if (server.tls().cert() != null && server.tls().key() != null) {
        tls.setKeyCertOptions(
            new PemKeyCertOptions()
                .setCertPath(server.tls().cert().toString())
                .setKeyPath(server.tls().key().toString()));
      }
      options = options.withTls(tls, server.tlsName());
    }
    return CommandClient.of(vertx, options);
  }

  @Override
  public Vertx vertx() {
    return vertx;
  }

  @Override
  public @Nullable InputSpool input() {
    return input;
  }

  /** There is more of our stdin, or an end of it. */
  void inputChanged() {
    InputSpool spool = input;
    if (spool != null && spool.failure() != null) {
      abort("cannot read our stdin: " + spool.failure());
    } else {
      List.copyOf(running).forEach(NodeRun::sendInput);
    }
  }

  @Override
  public void pausedFor(NodeRun run) {
    paused.add(run);
  }

  @Override
  public boolean isFull() {
    return printer.isFull();
  }

  /** The printer has room again. */
  void goOn() {
    List<NodeRun> all = List.copyOf(paused);
    paused.clear();
    all.forEach(NodeRun::resume);
  }

  @Override
  public void ended(NodeRun run, NodeEnd end) {
    if (over || !running.remove(run)) {
      return;
    }
    paused.remove(run);
    run.output().end(end);
    ends.put(end.node(), end);
    // What we ended ourselves after the first failure says nothing of what was wrong.
    boolean counts = run.here() != NodeEnd.Here.STOPPED || end.exitCode() != NodeRun.UNKNOWN;
    worst = counts ? Math.max(worst, end.exitCode()) : worst;
    tell(end);
    if (!end.isSuccess()) {
      failed++;
      if (order.firstFailure() == FanOutOrder.FirstFailure.ENDS_ALL
          && here == NodeEnd.Here.NOTHING) {
        here = NodeEnd.Here.STOPPED;
        List.copyOf(running).forEach(other -> other.cancel(NodeEnd.Here.STOPPED));
      }
    }
    beginMore();
  }

  private void tell(NodeEnd end) {
    if (end.complaint() != null) {
      printer.tell(end.node() + ": " + end.complaint());
    }
    if (end.note() != null && order.look().notes() == FanOutOrder.Notes.SHOWN) {
      printer.tell(end.node() + ": " + end.note());
    }
  }

  /**
   * Ctrl-C: the first goes to all commands, the second cancels them; no more are begun.
   *
   * @return whether there is anything left that it can do
   */
  boolean interrupt() {
    interrupts++;
    here = NodeEnd.Here.INTERRUPTED;
    for (NodeRun run : List.copyOf(running)) {
      if (interrupts == 1) {
        run.interrupt();
      } else {
        run.cancel(NodeEnd.Here.INTERRUPTED);
      }
    }
    beginMore();
    return interrupts < 3;
  }

  /** A signal ends us, and all of it. */
  void leave(Signal by) {
    signal = by;
    here = NodeEnd.Here.INTERRUPTED;
    List.copyOf(running).forEach(run -> run.cancel(NodeEnd.Here.INTERRUPTED));
    beginMore();
  }

  /** Nothing of it can be done any more. */
  void abort(String why) {
    if (!over) {
      printer.tell(why);
      worst = NodeRun.UNKNOWN;
      here = NodeEnd.Here.INTERRUPTED;
      List.copyOf(running).forEach(run -> run.cancel(NodeEnd.Here.INTERRUPTED));
      beginMore();
    }
  }

  /** The same, and nobody waits for the ends. */
  void breakOff(String why) {
    if (!over) {
      printer.tell(why);
      worst = NodeRun.UNKNOWN;
      finish();
    }
  }

  private void finish() {
    over = true;
    List<String> notBegun = new ArrayList<>();
    List<String> notGood = new ArrayList<>();
    for (FanOutOrder.Node node : order.nodes()) {
      NodeEnd end = ends.get(node.name());
      if (end == null) {
        end = withoutEnd(node);
        ends.put(node.name(), end);
        if (!isBegun(node)) {
          notBegun.add(node.name());
        }
        if (here != NodeEnd.Here.STOPPED) {
          worst = Math.max(worst, end.exitCode());
        }
      }
      if (!end.isSuccess()) {
        notGood.add(node.name());
      }
    }
    if (folding != null) {
      folding.print();
    }
    if (!notBegun.isEmpty()) {
      printer.tell("not begun: " + NodeSet.fold(notBegun));
    }
    if (!notGood.isEmpty()) {
      int all = order.nodes().size();
      printer.tell(notGood.size() + " of " + all + " failed: " + NodeSet.fold(notGood));
    }
    printer.finish();
  }

  private boolean isBegun(FanOutOrder.Node node) {
    return running.stream().anyMatch(run -> run.name().equals(node.name()));
  }

  private NodeEnd withoutEnd(FanOutOrder.Node node) {
    if (isBegun(node)) {
      return NodeEnd.interrupted(node.name(), signal, "its end was not waited for");
    }
    return here == NodeEnd.Here.STOPPED
        ? NodeEnd.failed(node.name(), "not begun: another node had failed")
        : NodeEnd.interrupted(node.name(), signal, "not begun: we were interrupted");
  }

  /** The ends as they are known now, in the order of the nodes. */
  List<NodeEnd> ends() {
    List<NodeEnd> all = new ArrayList<>();
    for (FanOutOrder.Node node : order.nodes()) {
      NodeEnd end = ends.get(node.name());
      all.add(end == null ? withoutEnd(node) : end);
    }
    return all;
  }

  int exitCode() {
    return worst;
  }

  private String status() {
    NodeRun slowest = running.isEmpty() ? null : running.iterator().next();
    StringBuilder line = new StringBuilder(80);
    line.append(ends.size()).append(" of ").append(order.nodes().size()).append(" done, ");
    line.append(running.size()).append(" running, ").append(failed).append(" failed");
    if (slowest != null) {
      long seconds = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - slowest.since());
      line.append("; slowest: ").append(slowest.name()).append(" (").append(seconds).append("s)");
    }
    return line.toString();
  }
}
