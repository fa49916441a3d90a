package dev.runnel.cli;

import dev.runnel.model.Event;
import dev.runnel.model.NodeStatus;
import dev.runnel.model.Request;
import dev.runnel.model.SafeText;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code runnel nodes}: which nodes a server's cluster has. */
final class NodesVerb {
  private static final Option JSON = Option.flag("--json", "as a JSON array, all there is to know");

  private static final String BEFORE =
      """
      Usage: runnel nodes [-H HOST] [--json]

      Lists the nodes of a server's cluster: their state (joining, ready, draining or lost), how
      many jobs run there, how much room is left (of places for jobs and of memory for output,
      whichever is less), for how long they have been there, or lost, and by which labels a run can
      choose them.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage; 255 anything else.

      Example:
        runnel nodes -H build-1
      """;

  private static final Help.Section OWN = new Help.Section("How", List.of(JSON));
  private static final String[] TITLES = {
    "NODE", "STATE", "JOBS", "ROOM", "AGE", "VERSION", "ADDRESS", "LABELS"
  };

  static final VerbDefinition DEFINITION =
      new VerbDefinition(BEFORE, List.of(OWN, ConnectionOptions.SECTION), AFTER, NodesVerb::run);

  private NodesVerb() {}

  private static int run(CliContext surroundings, Arguments arguments) throws Failure {
    arguments.expectOperands();
    Target target = ConnectionOptions.target(arguments, surroundings);
    try (RequestClient inquiry = RequestClient.open(target, surroundings)) {
      inquiry.send(new Request.Nodes());
      List<byte[]> parts = parts(inquiry);
      surroundings.out().print(arguments.has(JSON) ? JobsVerb.json(parts) : table(parts));
      return 0;
    }
  }

  private static List<byte[]> parts(RequestClient inquiry) throws Failure {
    List<byte[]> parts = new ArrayList<>();
    while (true) {
      Event event = inquiry.next();
      ByteBuffer body = inquiry.body();
      byte[] part = new byte[body.remaining()];
      body.get(part);
      parts.add(part);
      if (event.isFinal()) {
        return parts;
      }
    }
  }

  private static String table(List<byte[]> parts) throws Failure {
    List<String[]> rows = new ArrayList<>();
    rows.add(TITLES);
    try {
      for (byte[] part : parts) {
        EventDecoder.decodeNodes(part).forEach(node -> rows.add(row(node)));
      }
    } catch (ProtocolException e) {
      throw Failure.of("the list cannot be read: " + e.getMessage());
    }
    return String.join("\n", JobsVerb.aligned(rows)) + "\n";
  }

  private static String[] row(NodeStatus node) {
    StringBuilder labels = new StringBuilder();
    for (Map.Entry<String, String> label : node.labels().entrySet()) {
      labels.append(labels.isEmpty() ? "" : ",");
      labels.append(label.getKey()).append('=').append(label.getValue());
    }
    boolean lost = node.state() == NodeStatus.State.LOST;
    return new String[] {
      SafeText.oneLine(node.name()),
      node.state().wireName(),
      lost ? "-" : "" + node.jobs(),
      lost ? "-" : node.room() / 10 + "%",
      JobsVerb.age(Duration.ofMillis(node.ageMillis())),
      SafeText.oneLine(node.version()),
      SafeText.oneLine(node.address()),
      SafeText.oneLine(labels.toString())
    };
  }
}
