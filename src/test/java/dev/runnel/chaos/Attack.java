package dev.runnel.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.runnel.CuttingProxy;
import dev.runnel.server.RawClient.Answer;
import java.io.IOException;
import java.nio.file.Files;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A daemon's life under attack, round by round: load and failures; then nothing fails any more, all
 * of the load comes to its end, and everything has to be as it was. On the test's thread.
 */
final class Attack {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final int CLIENTS = 12;
  private static final Duration ROUND = Duration.ofSeconds(45);
  private static final long PATIENCE_MILLIS = 60_000;
  private static final long INIT = 1;
  // ExitOnOutOfMemoryError, and the kernel's KILL.
  private static final Set<Integer> OUT_OF_MEMORY = Set.of(3, 137);

  /** Threads that are made when they are needed, and stay: so many at most. */
  private static final Map<String, Integer> GROWING =
      Map.of(
          "thread runnel-spawner", 17,
          "descriptor children of a thread", 18,
          "thread runnel-sweeper", 8,
          "thread vert.x-internal", 20);

  private final Victim victim;
  private final Faults faults;
  private final CuttingProxy proxy;
  private final Findings findings;
  private final Ledger ledger;
  private final SplittableRandom random;
  private final Client.Latest latest = new Client.Latest();
  private final Map<Integer, Use> uses = new ConcurrentHashMap<>();
  private final Set<String> audited = new HashSet<>();
  private volatile boolean over;

  /** What a client is at. */
  private record Use(String scenario, Client client) {}

  private Map<String, Integer> before = Map.of();

  Attack(Victim victim, Faults faults, CuttingProxy proxy, Findings findings, long seed) {
    this.victim = victim;
    this.faults = faults;
    this.proxy = proxy;
    this.findings = findings;
    this.ledger = new Ledger(findings);
    this.random = new SplittableRandom(seed);
  }

  void run(Duration time) throws Exception {
    load(System.nanoTime() + Duration.ofSeconds(8).toNanos(), false);
    settle(true);
    before = Proc.holdings(victim.life().pid());
    long begin = System.nanoTime();
    for (int round = 1; System.nanoTime() - begin < time.toNanos(); round++) {
      long left = time.toNanos() - (System.nanoTime() - begin);
      long until = System.nanoTime() + Math.min(left, ROUND.toNanos());
      int wrong = findings.wrong().size();
      load(until, true);
      settle(false);
      if (findings.wrong().size() > wrong) {
        // What comes next is to be told apart from this.
        victim.dumpThreads();
        nextLife(true);
      } else if (round % 4 == 0) {
        nextLife(random.nextBoolean());
      } else {
        ledger.forget();
      }
    }
    nextLife(false);
    last();
  }

  // Clients come and go until then, and then to their end; things fail meanwhile, or don't.
  private void load(long until, boolean failing) throws Exception {
    over = false;
    List<Thread> clients = new ArrayList<>();
    for (int i = 0; i < CLIENTS; i++) {
      int number = i;
      SplittableRandom own = random.split();
      Thread thread = new Thread(() -> use(number, own), "client-" + i);
      thread.setDaemon(true);
      thread.start();
      clients.add(thread);
    }
    Thread life = Thread.ofPlatform().daemon().name("life").start(this::revive);
    if (failing) {
      faults.run(random.split(), until);
    } else {
      Thread.sleep(Math.max(0, (until - System.nanoTime()) / 1_000_000));
    }
    over = true;
    // Those that were silenced would be waited for in vain.
    proxy.cutAll();
    long deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
    for (Thread client : clients) {
      client.join(Math.max(1, (deadline - System.nanoTime()) / 1_000_000));
      if (client.isAlive()) {
        int number = Integer.parseInt(client.getName().substring("client-".length()));
        findings.wrong(
            "not answered, though nothing fails any more: "
                + described(uses.get(number))
                + "\n    at "
                + where(client)
                + unendedNow());
      }
    }
    Peer.closeAll();
    for (Thread client : clients) {
      client.join(PATIENCE_MILLIS);
    }
    // A daemon that could not be started while things failed can be now.
    while (life.isAlive() && !victim.life().process().isAlive()) {
      Thread.sleep(50);
    }
    life.interrupt();
    life.join();
  }

  private static String where(Thread thread) {
    return Arrays.stream(thread.getStackTrace())
        .map(StackTraceElement::toString)
        .filter(frame -> frame.startsWith("dev.runnel"))
        .limit(6)
        .collect(Collectors.joining(" < "));
  }

  private String described(@Nullable Use use) {
    if (use == null) {
      return "nothing";
    }
    StringBuilder all = new StringBuilder(use.scenario() + ": " + use.client().underWay());
    try (Peer peer = Peer.unix(victim)) {
      all.append("\n    ").append(status(peer, use.client().lastJob()));
      for (int port : use.client().ports()) {
        Proc.ofPort(port).forEach(line -> all.append("\n    ").append(line));
      }
    } catch (IOException e) {
      all.append("\n    ").append(e);
    }
    return all.toString();
  }

  private String unendedNow() {
    StringBuilder all = new StringBuilder();
    try (Peer peer = Peer.unix(victim)) {
      for (JsonNode status : list(peer)) {
        if (!status.path("state").asText().equals("ended")) {
          all.append("\n    ").append(status);
        }
      }
    } catch (IOException e) {
      all.append("\n    ").append(e);
    }
    return all.toString();
  }

  private void use(int number, SplittableRandom own) {
    Client.Try tried = new Client.Try(victim, ledger, findings);
    Client client = new Client(number, own, tried, faults.proxyPort(), latest);
    while (!over) {
      Scenarios.Weighted picked = Scenarios.pick(own);
      client.begin();
      uses.put(number, new Use(picked.name(), client));
      try {
        picked.scenario().run(client);
        findings.count("use " + picked.name());
      } catch (IOException e) {
        findings.count("cut " + picked.name());
      } catch (InterruptedException e) {
        return;
      } catch (Exception | AssertionError e) {
        findings.wrong(picked.name() + ": " + e);
      }
    }
  }

  // A daemon that has died of want of memory is started again, as a supervisor would do.
  private void revive() {
    while (!over) {
      Process process = victim.life().process();
      try {
        int code = process.waitFor();
        if (!over || !process.isAlive()) {
          died(code);
        }
      } catch (InterruptedException e) {
        return;
      } catch (Exception e) {
        findings.wrong("not started again: " + e);
        return;
      }
    }
  }

  private void died(int code) throws Exception {
    findings.count("died with " + code);
    if (!OUT_OF_MEMORY.contains(code)) {
      findings.wrong("the daemon died with " + code);
    }
    // What it died of may still be the matter: a supervisor tries again.
    long deadline = System.nanoTime() + PATIENCE_MILLIS * 1_000_000;
    while (true) {
      try {
        startAnew();
        return;
      } catch (IOException e) {
        findings.count("not started at once");
        if (System.nanoTime() > deadline) {
          throw e;
        }
        Thread.sleep(1_000);
      }
    }
  }

  private void startAnew() throws IOException {
    victim.start();
    proxy.redirect(victim.life().tlsPort());
  }

  /** Nothing fails and nobody asks: everything comes to its end, and all is as it was. */
  private void settle(boolean first) throws Exception {
    try (Peer peer = Peer.unix(victim)) {
      await("all jobs ended", () -> unended(peer).isEmpty(), () -> unended(peer).toString());
      int life = victim.life().number();
      for (Ledger.Entry entry : ledger.all()) {
        ledger.settled(entry, status(peer, entry.job), life);
      }
      sample(peer);
    }
    endKept();
    await("nobody of a job's alive", () -> ofJobs().isEmpty(), () -> ofJobs().toString());
    endStrays();
    for (Proc.Marked left : ofJobs()) {
      // Told above; the next round is to begin anew.
      Sys.kill(left.pid(), Sys.KILL);
    }
    audit();
    complement();
    if (!first) {
      await(
          "what it holds is as before",
          () -> more().isEmpty(),
          () -> more() + " of processes: " + Proc.held(victim.life().pid()));
    }
  }

  private static JsonNode status(Peer peer, String job) throws IOException {
    return peer.client().ask("'type':'status','job':'" + job + "'").header();
  }

  // Whoever comes late is told the same end.
  private void sample(Peer peer) throws IOException {
    for (Ledger.Entry entry : ledger.all()) {
      if (entry.end != null && random.nextInt(10) == 0) {
        String id = peer.nextId();
        String job = entry.job;
        peer.client().send("'type':'attach','from':'end','id':'" + id + "','job':'" + job + "'");
        peer.follow(Map.of(id, job), ledger, _ -> {});
      }
    }
  }

  private static List<JsonNode> list(Peer peer) throws IOException {
    List<JsonNode> all = new ArrayList<>();
    String id = peer.nextId();
    peer.client().send("'type':'jobs','id':'" + id + "'");
    while (true) {
      Answer answer = peer.client().next();
      JSON.readTree(answer.body()).forEach(all::add);
      if (answer.isFinal()) {
        return all;
      }
    }
  }

  private static List<JsonNode> unended(Peer peer) throws IOException {
    return list(peer).stream()
        .filter(status -> !status.path("state").asText().equals("ended"))
        .toList();
  }

  private void endKept() throws IOException {
    for (Proc.Marked marked : Proc.marked()) {
      if (ledger.isKept(marked.job()) && marked.command().contains(Scenarios.NAP)) {
        Sys.kill(marked.pid(), Sys.KILL);
      }
    }
  }

  // Who shed its environment, session and parents at once is of no job, and lives until the end.
  private void endStrays() throws IOException {
    Set<Long> marked = new HashSet<>();
    Proc.marked().forEach(one -> marked.add(one.pid()));
    for (long pid : napping()) {
      long parent = Proc.parent(pid);
      if (!marked.contains(pid) && (parent == victim.life().pid() || parent == INIT)) {
        // The watchdog of a killed life finds those that it had noticed.
        findings.count(parent == INIT ? "stray of a killed life" : "stray");
        Sys.kill(pid, Sys.KILL);
      }
    }
  }

  private List<Proc.Marked> ofJobs() throws IOException {
    String boot = boot();
    return Proc.marked().stream().filter(marked -> marked.boot().equals(boot)).toList();
  }

  private String boot() throws IOException {
    try (Peer peer = Peer.unix(victim)) {
      return peer.client().ask("'type':'hello','version':1").text("boot");
    }
  }

  // What there is more of than there was, zombies in any case.
  private Map<String, Integer> more() throws IOException {
    Map<String, Integer> more = new TreeMap<>();
    Proc.holdings(victim.life().pid())
        .forEach(
            (what, count) -> {
              int allowed = what.equals("child Z") ? 0 : before.getOrDefault(what, 0);
              for (Map.Entry<String, Integer> pool : GROWING.entrySet()) {
                if (what.startsWith(pool.getKey())) {
                  allowed = Math.max(allowed, pool.getValue());
                }
              }
              if (count > allowed) {
                more.put(what, count - allowed);
              }
            });
    return more;
  }

  private void audit() throws Exception {
    // Entries that could not be written are tried again every second.
    Thread.sleep(2_500);
    for (Ledger.Entry entry : ledger.all()) {
      if (entry.life == victim.life().number()) {
        audited.add(entry.job);
      }
    }
    ledger.checkAudit(victim.audit(), audited);
  }

  /** As many jobs and connections as there may be are to be had again. */
  private void complement() throws Exception {
    List<Peer> peers = new ArrayList<>();
    try {
      int left = Victim.MAX_JOBS;
      for (int i = 0; i < Victim.principals() && left > 0; i++) {
        Peer peer = Peer.tls(victim.life().tlsPort(), victim.secret(i));
        peers.add(peer);
        int count = Math.min(left, Victim.MAX_PRINCIPAL_JOBS);
        left -= count;
        for (int job = 0; job < count; job++) {
          peer.client()
              .send("'id':'full" + job + "','grace_ms':100", "exec sleep " + Scenarios.NAP);
        }
        for (int job = 0; job < count; job++) {
          Answer answer = peer.client().next();
          if (!answer.type().equals("started")) {
            findings.wrong("places are not free: " + answer);
            return;
          }
        }
        for (int more = 1; more < Victim.MAX_PRINCIPAL_CONNECTIONS; more++) {
          peers.add(Peer.tls(victim.life().tlsPort(), victim.secret(i)));
        }
      }
    } catch (IOException e) {
      findings.wrong("a full complement is not to be had: " + e);
    } finally {
      peers.forEach(Peer::close);
    }
    try (Peer peer = Peer.unix(victim)) {
      await("all jobs ended", () -> unended(peer).isEmpty(), () -> unended(peer).toString());
    }
  }

  private void await(String what, Callable<Boolean> holds, Callable<String> now) throws Exception {
    long begin = System.nanoTime();
    while (!holds.call()) {
      if (System.nanoTime() - begin > PATIENCE_MILLIS * 1_000_000) {
        findings.wrong("not within a minute: " + what + ": " + now.call());
        return;
      }
      Thread.sleep(100);
    }
  }

  /** The daemon ends, by order or by KILL, and another takes over what is on the disk. */
  private void nextLife(boolean killed) throws Exception {
    if (killed) {
      Process process = victim.life().process();
      Sys.kill(process.pid(), Sys.KILL);
      process.waitFor();
      findings.count("killed");
    } else {
      Victim.Ended ended = victim.terminate();
      findings.count("ended by TERM");
      if (ended.exitCode() != 0) {
        findings.wrong("ended by TERM: " + ended);
      }
    }
    await("nobody left", () -> napping().isEmpty(), () -> described(napping()));
    startAnew();
    int life = victim.life().number();
    try (Peer peer = Peer.unix(victim)) {
      for (Ledger.Entry entry : ledger.all()) {
        JsonNode status = status(peer, entry.job);
        ledger.settled(entry, status, life);
        boolean isLost = status.path("outcome").asText().equals("lost");
        if (isLost && entry.end != null && !killed) {
          findings.wrong("lost by an end in order: " + entry.end);
        }
      }
    }
    ledger.forget();
    audited.clear();
    // Lazily made threads and files are there again before the next comparison.
    load(System.nanoTime() + Duration.ofSeconds(5).toNanos(), false);
    settle(true);
    before = Proc.holdings(victim.life().pid());
  }

  private static List<Long> napping() throws IOException {
    return Proc.withArgument(Scenarios.NAP);
  }

  private static String described(List<Long> pids) {
    StringBuilder all = new StringBuilder();
    for (long pid : pids) {
      all.append('\n').append(pid).append(' ').append(Proc.state(pid)).append(' ');
      all.append(Proc.command(pid));
    }
    return all.toString();
  }

  private void last() throws Exception {
    Victim.Ended ended = victim.terminate();
    if (ended.exitCode() != 0) {
      findings.wrong("ended by TERM: " + ended);
    }
    await("nobody left", () -> napping().isEmpty(), () -> described(napping()));
    for (String error : victim.errors()) {
      System.out.println("chaos: logged: " + error);
    }
    if (Files.exists(victim.log())) {
      findings.count("lives: " + victim.life().number());
    }
  }
}
