package dev.runnel.server;

import dev.runnel.Daemon;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

/** Nodes of one cluster, each a real runneld with a loopback address of its own. */
final class Nodes implements AutoCloseable {
  private static final int CLIENTS = 7866;
  private static final int MEMBERS = 7867;

  private final String network =
      "127."
          + ThreadLocalRandom.current().nextInt(1, 250)
          + "."
          + ThreadLocalRandom.current().nextInt(1, 250)
          + ".";
  private final List<Daemon> daemons = new ArrayList<>();

  /** So many, of the names n1, n2 and so on, with the label number=N; does not wait for them. */
  static Nodes start(int count) throws IOException {
    Nodes nodes = new Nodes();
    for (int number = 1; number <= count; number++) {
      nodes.daemons.add(nodes.add(number));
    }
    return nodes;
  }

  /** One more, or one anew; does not wait for it. */
  Daemon add(int number, String... arguments) throws IOException {
    List<String> all =
        new ArrayList<>(
            List.of(
                "--insecure",
                "--listen",
                address(number) + ":" + CLIENTS,
                "--node",
                "n" + number,
                "--label",
                "number=" + number,
                "--cluster-listen",
                address(number) + ":" + MEMBERS,
                "--cluster-join",
                address(1) + "," + address(2) + "," + address(3)));
    all.addAll(List.of(arguments));
    return Daemon.start(all.toArray(String[]::new));
  }

  /** Starts that one anew. */
  void restart(int number) throws IOException {
    daemons.get(number - 1).close();
    daemons.set(number - 1, add(number));
  }

  String address(int number) {
    return network + number;
  }

  /** The one of that number, the first is 1. */
  Daemon daemon(int number) {
    return daemons.get(number - 1);
  }

  /** Blocks until each knows all of them to be ready. */
  void awaitAll() throws Exception {
    for (int number = 1; number <= daemons.size(); number++) {
      var _ = daemon(number).line();
      try (RawClient client = connect(number)) {
        Until.holds("all nodes are ready", () -> ready(client) == daemons.size());
      }
    }
  }

  private static int ready(RawClient client) throws IOException {
    String text = client.ask("'type':'nodes'").text();
    return text.split("\"ready\"", -1).length - 1;
  }

  RawClient connect(int number) throws IOException {
    return new RawClient(new Socket(InetAddress.getByName(address(number)), CLIENTS));
  }

  /** Connected to where that one takes frames of other nodes. */
  Socket frames(int number) throws IOException {
    return new Socket(InetAddress.getByName(address(number)), MEMBERS + 1);
  }

  /** HOST:PORT of that one, for clients. */
  String host(int number) {
    return address(number) + ":" + CLIENTS;
  }

  @Override
  public void close() throws IOException {
    for (Daemon daemon : daemons) {
      daemon.close();
    }
  }
}
