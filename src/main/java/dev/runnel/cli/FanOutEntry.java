package dev.runnel.cli;

import dev.runnel.model.JobSpec;
import dev.runnel.model.NodeStatus;
import dev.runnel.model.Placement;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.OptionalLong;
import java.util.Set;

/** {@code exec} on many nodes up to the first connection to one: which, and what they are sent. */
final class FanOutEntry {
  private static final int DEFAULT_PARALLEL = 64;
  private static final int MAX_PARALLEL = 10_000;

  /** Of all nodes at a time: a client's heap is 64 MiB. */
  private static final int MAX_KEPT_BYTES = 8 << 20;

  private static final int MIN_PIECE_BYTES = 4 << 10;
  private static final int MAX_PIECE_BYTES = 64 << 10;

  /** What is for one node only. */
  private static final List<Option> FOR_ONE =
      List.of(
          ExecOptions.PTY,
          ExecOptions.FORCE_PTY,
          ExecOptions.DETACH,
          ExecOptions.JOB,
          ExecOptions.BOOT,
          ExecOptions.NODE,
          ExecOptions.ANY,
          ConnectionOptions.WAIT);

  private final CliContext context;
  private final Arguments arguments;
  private final int pieceBytes;

  /** By what a host has of its own. */
  private final Map<Target.Defaults, Request.Run> runs = new HashMap<>();

  private FanOutEntry(CliContext context, Arguments arguments, int pieceBytes) {
    this.context = context.withoutInput();
    this.arguments = arguments;
    this.pieceBytes = pieceBytes;
  }

  static FanOutOrder order(CliContext context, Arguments arguments) throws Failure {
    for (Option option : FOR_ONE) {
      if (arguments.has(option)) {
        throw Failure.usage(option.name() + ": not on many nodes");
      }
    }
    boolean all = arguments.has(FanOutOptions.ALL);
    boolean named = arguments.has(FanOutOptions.ON) || arguments.has(FanOutOptions.HOSTS_FILE);
    if (all && named) {
      throw Failure.usage("--all and --on or --hosts-file as well");
    }
    if (named && (arguments.has(ConnectionOptions.HOST) || arguments.has(ExecOptions.WHERE))) {
      throw Failure.usage("--on or --hosts-file, and -H or --where as well");
    }
    int parallel = parallel(arguments);
    int pieceBytes = Math.clamp(MAX_KEPT_BYTES / parallel, MIN_PIECE_BYTES, MAX_PIECE_BYTES);
    String report = arguments.value(ExecOptions.REPORT);
    FanOutReport reported = report == null ? null : FanOutReport.to(report);
    FanOutOrder.Look look = look(arguments, pieceBytes);
    FanOutEntry entry = new FanOutEntry(context, arguments, pieceBytes);
    return new FanOutOrder(
        all ? entry.behindDoor() : entry.servers(),
        parallel,
        look,
        arguments.has(ExecOptions.STDIN) ? FanOutOrder.Input.OURS : FanOutOrder.Input.NONE,
        arguments.has(FanOutOptions.FAIL_FAST)
            ? FanOutOrder.FirstFailure.ENDS_ALL
            : FanOutOrder.FirstFailure.NOTHING,
        reported);
  }

  private static int parallel(Arguments arguments) throws Failure {
    String text = arguments.value(FanOutOptions.PARALLEL);
    if (text == null) {
      return DEFAULT_PARALLEL;
    }
    boolean isNumber = text.length() < 9 && text.chars().allMatch(c -> c >= '0' && c <= '9');
    int count = isNumber ? Integer.parseInt(text) : 0;
    if (count < 1 || count > MAX_PARALLEL) {
      throw Failure.usage(
          FanOutOptions.PARALLEL.name()
              + ": "
              + text
              + " (expected: from 1 to "
              + MAX_PARALLEL
              + ")");
    }
    return count;
  }

  private static FanOutOrder.Look look(Arguments arguments, int pieceBytes) throws Failure {
    String out = arguments.value(FanOutOptions.OUT);
    Path folder = out == null ? null : Path.of(out).toAbsolutePath();
    if (folder != null) {
      try {
        Files.createDirectories(folder);
      } catch (IOException e) {
        throw Failure.usage(
            FanOutOptions.OUT.name() + ": cannot make " + Reasons.of(e, folder.toString()));
      }
    }
    return new FanOutOrder.Look(
        arguments.has(FanOutOptions.FOLD)
            ? FanOutOrder.Form.FOLDED
            : folder == null ? FanOutOrder.Form.LINES : FanOutOrder.Form.NONE,
        folder,
        arguments.has(ExecOptions.QUIET) ? FanOutOrder.Notes.HIDDEN : FanOutOrder.Notes.SHOWN,
        pieceBytes);
  }

  private List<FanOutOrder.Node> servers() throws Failure {
    Set<String> names = new LinkedHashSet<>();
    for (String on : arguments.values(FanOutOptions.ON)) {
      names.addAll(expanded(FanOutOptions.ON.name(), on));
    }
    for (String file : arguments.values(FanOutOptions.HOSTS_FILE)) {
      names.addAll(listed(Path.of(file)));
    }
    if (names.isEmpty()) {
      throw Failure.usage(FanOutOptions.HOSTS_FILE.name() + ": no host in it");
    }
    List<FanOutOrder.Node> nodes = new ArrayList<>();
    for (String name : names) {
      // What is wrong with a file that all of them use is said once.
      Target target =
          ConnectionOptions.target(arguments, nodes.isEmpty() ? context : context.silent(), name);
      Host host = Objects.requireNonNull(target.host());
      nodes.add(new FanOutOrder.Node(name, server(host, target), run(target), null));
    }
    return nodes;
  }

  private static List<String> expanded(String source, String text) throws Failure {
    try {
      return NodeSet.expand(text);
    } catch (IllegalArgumentException e) {
      throw Failure.usage(source + ": " + e.getMessage());
    }
  }

  private static List<String> listed(Path file) throws Failure {
    List<String> names = new ArrayList<>();
    try {
      int number = 0;
      for (String line : Files.readAllLines(file)) {
        number++;
        int comment = line.indexOf('#');
        String name = (comment < 0 ? line : line.substring(0, comment)).strip();
        if (!name.isEmpty()) {
          names.addAll(expanded(file + ":" + number, name));
        }
      }
    } catch (IOException e) {
      throw Failure.usage(
          FanOutOptions.HOSTS_FILE.name() + ": cannot read " + Reasons.of(e, file.toString()));
    }
    return names;
  }

  private List<FanOutOrder.Node> behindDoor() throws Failure {
    Target target = ConnectionOptions.target(arguments, context);
    Map<String, String> where = ExecOptions.where(arguments);
    Request.Run run = run(target);
    List<FanOutOrder.Node> nodes = new ArrayList<>();
    try (RequestClient inquiry = RequestClient.open(target, context)) {
      FanOutOrder.Server door = server(inquiry.host(), target);
      for (NodeStatus node : matching(inquiry, where)) {
        nodes.add(
            new FanOutOrder.Node(
                node.name(),
                door,
                run.withPlacement(new Placement(node.name(), Map.of())),
                node.state() == NodeStatus.State.LOST
                    ? "the cluster has lost this node; nothing was run"
                    : null));
      }
      if (nodes.isEmpty()) {
        throw Failure.of("no node of " + inquiry.host().name() + "'s cluster has these labels");
      }
    }
    return nodes;
  }

  // Of one that came back its earlier life may be listed as lost.
  private static List<NodeStatus> matching(RequestClient inquiry, Map<String, String> where)
      throws Failure {
    inquiry.send(new Request.Nodes());
    Map<String, NodeStatus> nodes = new LinkedHashMap<>();
    try {
      for (byte[] part : NodesVerb.parts(inquiry)) {
        for (NodeStatus node : EventDecoder.decodeNodes(part)) {
          if (node.matches(where)) {
            nodes.merge(
                node.name(),
                node,
                (one, other) -> one.state() == NodeStatus.State.LOST ? other : one);
          }
        }
      }
    } catch (ProtocolException e) {
      throw Failure.of("the list of nodes cannot be read: " + e.getMessage());
    }
    return List.copyOf(nodes.values());
  }

  private Request.Run run(Target target) throws Failure {
    Request.Run known = runs.get(target.defaults());
    if (known == null) {
      Request.Run run = ExecOptions.run(arguments, context, target.defaults(), null);
      JobSpec spec = run.spec();
      long window = spec.window().orElse(Math.min(spec.retainBytes(), pieceBytes));
      known = run.withSpec(spec.withWindow(OptionalLong.of(window))).withPlacement(Placement.HERE);
      runs.put(target.defaults(), known);
    }
    return known;
  }

  private FanOutOrder.Server server(Host host, Target target) throws Failure {
    // Which of the two it is, these ask for.
    Target there = target.at(host);
    ResumeOptions resume = ResumeOptions.of(arguments, there);
    Duration linger = resume == null ? Duration.ZERO : resume.linger();
    Duration heartbeat = ResumeOptions.heartbeat(arguments, there);
    if (!(host instanceof Host.Tcp tcp)) {
      return new FanOutOrder.Server(
          null,
          0,
          ((Host.Unix) host).path(),
          target.token(),
          null,
          "",
          target.connectTimeout(),
          linger,
          heartbeat);
    }
    Host.Tls tls = tcp.cover() instanceof Host.Tls cover ? cover : null;
    return new FanOutOrder.Server(
        tcp.address(),
        tcp.port(),
        null,
        target.token(),
        tls == null ? null : tls.files(),
        tls == null ? tcp.address() : tls.name(),
        target.connectTimeout(),
        linger,
        heartbeat);
  }
}
