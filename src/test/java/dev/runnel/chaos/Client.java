package dev.runnel.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** What one thread of the load has at hand: its random numbers, connections and names. */
final class Client {
  final SplittableRandom random;
  final Victim victim;
  final Ledger ledger;
  final Findings findings;
  private final int number;
  private final int proxyPort;
  private final Latest latest;
  private volatile String last = "none";
  private final List<Integer> ports = new CopyOnWriteArrayList<>();
  private final List<String> ways = new CopyOnWriteArrayList<>();

  Client(int number, SplittableRandom random, Try tried, int proxyPort, Latest latest) {
    this.number = number;
    this.random = random;
    this.victim = tried.victim();
    this.ledger = tried.ledger();
    this.findings = tried.findings();
    this.proxyPort = proxyPort;
    this.latest = latest;
  }

  /** How many jobs anybody asked for, and the last of them. */
  static final class Latest {
    final AtomicInteger jobs = new AtomicInteger();
    volatile String job = "none";
  }

  /** Who is tried, and what is written down about it. */
  record Try(Victim victim, Ledger ledger, Findings findings) {}

  /** A connection of any kind. */
  Peer connect() throws IOException {
    int way = random.nextInt(10);
    if (way < 5) {
      ways.add("unix");
      return Peer.unix(victim);
    }
    String secret = victim.secret(random.nextInt(Victim.principals()));
    ways.add(way < 8 ? "tls" : "proxy");
    Peer peer = Peer.tls(way < 8 ? victim.life().tlsPort() : proxyPort, secret);
    ports.add(peer.port());
    return peer;
  }

  /** A use of its own begins. */
  void begin() {
    ways.clear();
    ports.clear();
  }

  /** Its own ends' of connections over TCP. Any thread. */
  List<Integer> ports() {
    return ports;
  }

  /** What it is at, for whoever finds that it does not go on. Any thread. */
  String underWay() {
    return last + " by " + ways;
  }

  /** The name of a new job, which the ledger knows from now on. */
  String job() {
    int life = victim.life().number();
    String job = "c" + life + "-" + number + "-" + latest.jobs.incrementAndGet();
    ledger.announce(job, life);
    latest.job = job;
    last = job;
    return job;
  }

  /** The last job of this client's. Any thread. */
  String lastJob() {
    return last;
  }

  /** The name of a job of anybody's. */
  String anyJob() {
    return latest.job;
  }

  Ledger.Entry entry(String job) {
    Ledger.Entry entry = ledger.find(job);
    if (entry == null) {
      throw new IllegalStateException("not announced: " + job);
    }
    return entry;
  }

  boolean oneIn(int times) {
    return random.nextInt(times) == 0;
  }

  int between(int least, int most) {
    return random.nextInt(least, most + 1);
  }

  void pause(int leastMillis, int mostMillis) throws InterruptedException {
    Thread.sleep(between(leastMillis, mostMillis));
  }

  /** Sends a run of a new job and returns its name; the answer bears the id. */
  String run(Peer peer, String id, String keys, String line) throws IOException {
    String job = job();
    run(peer, id, job, keys, line);
    return job;
  }

  void run(Peer peer, String id, String job, String keys, String line) throws IOException {
    if (keys.contains("'spool'")) {
      entry(job).spooled = true;
    }
    String all = "'id':'" + id + "','job':'" + job + "'" + (keys.isEmpty() ? "" : ",") + keys;
    peer.client().send(RawClient.frame(all, utf8(line)));
  }

  /** Runs it and follows it to its end, which is returned; null if it was refused. */
  @Nullable JsonNode runToTheEnd(Peer peer, String keys, String line) throws IOException {
    return follow(peer, Map.of("r", run(peer, "r", keys, line)), _ -> {});
  }

  /** Follows runs; the last frame of the last of them, or null if that is an error. */
  @Nullable JsonNode follow(Peer peer, Map<String, String> runs, Consumer<Answer> seen)
      throws IOException {
    AtomicReference<@Nullable JsonNode> last = new AtomicReference<>();
    peer.follow(
        runs,
        ledger,
        answer -> {
          seen.accept(answer);
          String job = runs.get(answer.text("id"));
          if (job != null && answer.isFinal()) {
            boolean isError = answer.type().equals("error");
            last.set(isError ? null : answer.header());
            if (isError) {
              ledger.refused(job, answer.header());
            }
          }
        });
    return last.get();
  }

  static byte[] utf8(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }
}
