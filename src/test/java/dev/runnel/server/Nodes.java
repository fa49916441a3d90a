package dev.runnel.server;

import dev.runnel.Daemon;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.IntFunction;

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
  private final IntFunction<List<String>> more;

  private Nodes(IntFunction<List<String>> more) {
    this.more = more;
  }

  /** So many, of the names n1, n2 and so on, with the label number=N; does not wait for them. */
  static Nodes start(int count) throws IOException {
    return start(count, _ -> List.of());
  }

  /** The same, the one of each number with further arguments. */
  static Nodes start(int count, IntFunction<List<String>> more) throws IOException {
    Nodes nodes = new Nodes(more);
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
                join()));
    all.addAll(more.apply(number));
    all.addAll(List.of(arguments));
    return Daemon.start(all.toArray(String[]::new));
  }

  /** Where the first three are, as --cluster-join has it. */
  String join() {
    return address(1) + "," + address(2) + "," + address(3);
  }

  /** Starts that one anew; does not wait for it. */
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
    for (Daemon daemon : daemons) {
      var _ = daemon.port();
    }
    awaitReady();
  }

  /** The same of those that have said where they listen. */
  void awaitReady() throws Exception {
    for (int number = 1; number <= daemons.size(); number++) {
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
