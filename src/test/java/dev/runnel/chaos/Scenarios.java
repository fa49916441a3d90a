package dev.runnel.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import dev.runnel.server.RawClient;
import java.io.IOException;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What clients do, good and bad: each is one use of the daemon, from a connection to its end. What
 * sleeps is told apart by how long it would.
 */
final class Scenarios {
  /** What every command that waits sleeps for, in this run and in no other. */
  static final String NAP = Long.toString(90_000_000 + ProcessHandle.current().pid());

  private static final String SLEEP = "sleep " + NAP;
  private static final String QUICKLY = "'grace_ms':100,'drain_ms':100";

  /** One use. */
  interface Scenario {
    void run(Client client) throws Exception;
  }

  /** A use, its name, and how often it comes up compared with the others. */
  record Weighted(String name, int weight, Scenario scenario) {}

  static final List<Weighted> ALL =
      List.of(
          new Weighted("short", 12, Scenarios::shortCommands),
          new Weighted("output", 6, Scenarios::output),
          new Weighted("stdin", 6, Scenarios::stdin),
          new Weighted("terminal", 5, Scenarios::terminal),
          new Weighted("timeout", 6, Scenarios::timeout),
          new Weighted("cancel", 6, Scenarios::cancel),
          new Weighted("signal", 4, Scenarios::signal),
          new Weighted("abandon", 6, Scenarios::abandon),
          new Weighted("come back", 6, Scenarios::comeBack),
          new Weighted("once", 4, Scenarios::once),
          new Weighted("spool", 8, Scenarios::spool),
          new Weighted("daemons", 8, Scenarios::daemons),
          new Weighted("keep", 4, Scenarios::keep),
          new Weighted("watch", 6, Scenarios::watch),
          new Weighted("failing starts", 4, Scenarios::failingStarts),
          new Weighted("flood of runs", 2, Scenarios::floodOfRuns),
          new Weighted("flood of questions", 2, Scenarios::floodOfQuestions),
          new Weighted("no reader", 3, Scenarios::noReader),
          new Weighted("broken frames", 3, Scenarios::brokenFrames),
          new Weighted("unfinished frames", 2, Scenarios::unfinishedFrames),
          new Weighted("seed", 3, Scenarios::seed),
          new Weighted("heartbeat", 2, Scenarios::heartbeat),
          new Weighted("odd processes", 6, Scenarios::oddProcesses),
          new Weighted("another user", 2, Scenarios::anotherUser),
          new Weighted("root's program", 3, Scenarios::rootsProgram),
          new Weighted("memory", 2, Scenarios::memory),
          new Weighted("disk", 2, Scenarios::writesToTheDisk));

  private Scenarios() {}

  static Weighted pick(java.util.SplittableRandom random) {
    int left = random.nextInt(ALL.stream().mapToInt(Weighted::weight).sum());
    for (Weighted weighted : ALL) {
      left -= weighted.weight();
      if (left < 0) {
        return weighted;
      }
    }
    throw new AssertionError();
  }

  private static void shortCommands(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      for (int i = client.between(1, 6); i > 0; i--) {
        String job = client.job();
        Ledger.Entry entry = client.entry(job);
        var witness = client.victim.work().resolve("ran-" + job);
        entry.witness = witness;
        int lines = client.between(0, 3_000);
        entry.expectedStdout = length(lines);
        String line =
            "echo x >" + witness + " && seq 1 " + lines + " && exit " + client.between(0, 3);
        client.run(peer, "r" + i, job, client.oneIn(3) ? "'window':4096" : "", line);
        client.follow(peer, Map.of("r" + i, job), _ -> {});
        java.nio.file.Files.deleteIfExists(witness);
      }
    }
  }

  private static long length(int lines) {
    long length = 0;
    for (int i = 1; i <= lines; i++) {
      length += Integer.toString(i).length() + 1;
    }
    return length;
  }

  private static void output(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      int bytes = client.between(1, 4_000_000);
      boolean slow = client.oneIn(3);
      String job = client.job();
      client.entry(job).expectedStdout = bytes;
      String keys =
          QUICKLY
              + (client.oneIn(2) ? ",'window':" + client.between(1_024, 65_536) : "")
              + (client.oneIn(3) ? ",'merge':true" : "");
      client.run(peer, "r", job, keys, "head -c " + bytes + " /dev/zero");
      int[] pauses = {slow ? 20 : 0};
      client.follow(
          peer,
          Map.of("r", job),
          answer -> {
            if (answer.type().equals("output") && pauses[0]-- > 0) {
              sleep(client.between(1, 50));
            }
          });
    }
  }

  private static void stdin(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      int bytes = client.between(0, 60_000);
      String job = client.job();
      client.entry(job).expectedStdout = bytes;
      client.run(peer, "r", job, "'stdin':true," + QUICKLY, "exec cat");
      int sent = 0;
      while (sent < bytes) {
        int next = Math.min(bytes - sent, client.between(1, 20_000));
        String keys = "'type':'stdin','job':'" + job + "','offset':" + sent;
        peer.client().send(RawClient.frame(keys, new byte[next]));
        sent += next;
      }
      if (client.oneIn(8)) {
        // Its end would be waited for in vain: it goes instead.
        end(client, peer);
        return;
      }
      peer.client().send("'type':'stdin','job':'" + job + "','eof':true,'offset':" + sent);
      client.follow(peer, Map.of("r", job), _ -> {});
    }
  }

  private static void terminal(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String job =
          client.run(
              peer,
              "r",
              "'stdin':true,'pty':{'rows':24,'cols':80}," + QUICKLY,
              client.oneIn(2) ? "exec sh" : "trap 'echo size' WINCH; cat");
      peer.client().send("'type':'stdin','job':'" + job + "','offset':0", "echo hi\nsleep 0.2\n");
      peer.client().send("'type':'resize','id':'z','job':'" + job + "','rows':30,'cols':90");
      client.pause(0, 300);
      if (client.oneIn(2)) {
        peer.client().send("'type':'cancel','id':'c','job':'" + job + "'");
      } else {
        peer.client().send("'type':'stdin','job':'" + job + "','offset':18,'eof':true");
      }
      peer.client().send("'type':'resize','id':'y','job':'" + job + "','rows':31,'cols':91");
      client.follow(peer, Map.of("r", job), _ -> {});
    }
  }

  private static void timeout(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String line =
          switch (client.between(0, 3)) {
            case 0 -> "exec " + SLEEP;
            case 1 -> SLEEP + " & " + SLEEP;
            case 2 -> "trap '' TERM; " + SLEEP;
            default -> "(setsid " + SLEEP + " &); " + SLEEP;
          };
      client.runToTheEnd(peer, "'timeout_ms':" + client.between(1, 500) + "," + QUICKLY, line);
    }
  }

  private static void cancel(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String job =
          client.run(
              peer,
              "r",
              QUICKLY,
              client.oneIn(2) ? SLEEP : "for i in 1 2 3 4 5; do " + SLEEP + " & done; wait");
      client.pause(0, 200);
      if (client.oneIn(2)) {
        peer.client().send("'type':'cancel','id':'c','job':'" + job + "'");
      } else {
        try (Peer other = client.connect()) {
          if (!other.client().ask("'type':'cancel','job':'" + job + "'").type().equals("ok")) {
            // It was there before the run: nobody cancels it any more.
            end(client, peer);
            return;
          }
        } catch (IOException e) {
          // Nobody else would cancel it.
          end(client, peer);
          throw e;
        }
      }
      client.follow(peer, Map.of("r", job), _ -> {});
    }
  }

  private static void signal(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String signal = List.of("TERM", "INT", "HUP", "KILL", "USR1").get(client.between(0, 4));
      String job = client.run(peer, "r", "'timeout_ms':5000," + QUICKLY, "exec " + SLEEP);
      peer.client().send("'type':'signal','id':'s','job':'" + job + "','signal':'" + signal + "'");
      client.follow(peer, Map.of("r", job), _ -> {});
    }
  }

  private static void abandon(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      List<String> lines =
          List.of(
              "exec " + SLEEP,
              "exec cat /dev/zero",
              "seq 1 5000",
              "(setsid " + SLEEP + " &); exec " + SLEEP,
              "while :; do echo x; sleep 0.01; done");
      for (int i = client.between(1, 4); i > 0; i--) {
        String linger = ",'linger_ms':" + client.between(0, 1_000);
        client.run(peer, "r" + i, QUICKLY + linger, lines.get(client.between(0, 4)));
      }
      client.pause(0, 200);
      end(client, peer);
    }
  }

  private static void end(Client client, Peer peer) throws IOException {
    if (client.oneIn(2)) {
      peer.reset();
    } else {
      peer.close();
    }
  }

  private static void comeBack(Client client) throws Exception {
    String job = client.job();
    String way = client.oneIn(2) ? "'block'" : "'drop'";
    String keys = QUICKLY + ",'linger_ms':3000,'window':16384,'retain':65536,'on_full':" + way;
    String secret = client.victim.secret(0);
    try (Peer peer = Peer.tls(client.victim.life().tlsPort(), secret)) {
      client.run(peer, "r", job, keys, "seq 1 20000; sleep 0.2; seq 1 20000");
      client.pause(0, 100);
      end(client, peer);
    }
    for (int i = 0; i < 3; i++) {
      client.pause(0, 100);
      try (Peer peer = Peer.tls(client.victim.life().tlsPort(), secret)) {
        String id = "a" + i;
        peer.client()
            .send(
                "'type':'attach','runner':true,'window':16384,'from':0,'id':'"
                    + id
                    + "','job':'"
                    + job
                    + "'");
        if (i < 2) {
          client.pause(0, 100);
          end(client, peer);
        } else {
          peer.follow(Map.of(id, job), client.ledger, _ -> {});
        }
      }
    }
  }

  private static void once(Client client) throws Exception {
    String job = client.job();
    String keys = "'once':'o-" + job + "','linger_ms':2000," + QUICKLY;
    String secret = client.victim.secret(1);
    var file = client.victim.work().resolve("once-" + job);
    int boots = client.victim.life().number();
    for (int i = 0; i < 2; i++) {
      try (Peer peer = Peer.tls(client.victim.life().tlsPort(), secret)) {
        client.run(peer, "r", job, keys, "echo x >>" + file + "; sleep 0.1");
        if (client.oneIn(2)) {
          peer.follow(Map.of("r", job), client.ledger, _ -> {});
        } else {
          client.pause(0, 100);
        }
      }
    }
    long ran = java.nio.file.Files.exists(file) ? java.nio.file.Files.size(file) : 0;
    if (ran > 2 && boots == client.victim.life().number()) {
      client.findings.wrong("ran more than once: " + job);
    }
    java.nio.file.Files.deleteIfExists(file);
  }

  private static void spool(Client client) throws Exception {
    String keys =
        "'on_full':'spool','linger_ms':'forever','spool_bytes':1000000,'retain':65536,"
            + QUICKLY
            + (client.oneIn(2) ? ",'timeout_ms':" + client.between(100, 2_000) : "");
    String job = client.job();
    try (Peer peer = client.connect()) {
      String line =
          switch (client.between(0, 3)) {
            case 0 -> "seq 1 " + client.between(1, 40_000);
            case 1 -> "head -c " + client.between(1, 2_000_000) + " /dev/zero; exit 3";
            case 2 -> "i=0; while [ $i -lt 50 ]; do echo $i; i=$((i+1)); sleep 0.01; done";
            default -> "(setsid " + SLEEP + " &); echo done";
          };
      client.run(peer, "r", job, keys, line);
      if (client.oneIn(3)) {
        client.follow(peer, Map.of("r", job), _ -> {});
        return;
      }
      client.pause(0, 50);
      peer.client().send("'type':'detach','id':'d','follow':'r'");
      client.pause(0, 50);
    }
    try (Peer peer = client.connect()) {
      peer.client().send("'type':'attach','id':'a','job':'" + job + "'");
      peer.follow(Map.of("a", job), client.ledger, _ -> {});
    }
  }

  private static void daemons(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String quiet = " >/dev/null 2>&1 </dev/null &";
      String line =
          switch (client.between(0, 4)) {
            case 0 -> "setsid " + SLEEP + quiet + " exit 0";
            case 1 -> "setsid sh -c '" + SLEEP + " &'" + quiet + " exit 0";
            case 2 -> "(" + SLEEP + quiet + "); exit 0";
            case 3 ->
                "setsid sh -c 'setsid sh -c \"setsid " + SLEEP + " &\" &'" + quiet + " exit 0";
            default -> "for i in 1 2 3 4 5 6 7 8; do setsid " + SLEEP + quiet + " done; exit 0";
          };
      String job = client.job();
      JsonNode end = null;
      if (client.oneIn(4)) {
        client.run(peer, "r", job, QUICKLY, line + "; " + SLEEP);
        client.pause(0, 50);
        end(client, peer);
      } else {
        client.run(peer, "r", job, QUICKLY, line);
        end = client.follow(peer, Map.of("r", job), _ -> {});
      }
      // The shell complains where it can't make a process, and may go on.
      boolean exited =
          end != null
              && end.path("exit_code").asInt(-1) == 0
              && end.path("stderr").path("bytes").asInt(-1) == 0;
      if (exited && end != null && end.path("leftovers_total").asInt() == 0) {
        client.findings.count("a daemon that was not told");
        if (!line.contains("sh -c")) {
          client.findings.wrong("left a process, which was not told: " + end);
        }
      }
    }
  }

  private static void keep(Client client) throws Exception {
    String job = client.job();
    client.ledger.kept(job);
    try (Peer peer = client.connect()) {
      String line = "setsid " + SLEEP + " >/dev/null 2>&1 </dev/null & exit 0";
      client.run(peer, "r", job, "'leftovers':'keep'," + QUICKLY, line);
      client.follow(peer, Map.of("r", job), _ -> {});
    }
  }

  private static void watch(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      Map<String, String> watched = new LinkedHashMap<>();
      for (int i = client.between(1, 4); i > 0; i--) {
        String job = client.anyJob();
        String id = "a" + i;
        watched.put(id, job);
        peer.client().send("'type':'attach','id':'" + id + "','job':'" + job + "'");
        peer.client().send("'type':'status','id':'s" + i + "','job':'" + job + "'");
        client.pause(0, 20);
      }
      if (client.oneIn(3)) {
        peer.client().send("'type':'jobs','id':'j','state':'running'");
      }
      peer.follow(watched, client.ledger, _ -> {});
    }
  }

  private static void failingStarts(Client client) throws Exception {
    List<String> keys =
        List.of(
            "'argv':['/no/such']",
            "'argv':['true'],'cwd':'/no/such'",
            "'argv':['true'],'user':'no-such-user'",
            "'argv':['true'],'limits':{'open_files':1000000000}",
            "'argv':['/etc/passwd']",
            "'argv':['true'],'env_from':['CHAOS_SECRET']",
            "'argv':['true'],'stdout':1");
    try (Peer peer = client.connect()) {
      Map<String, String> runs = new HashMap<>();
      for (int i = 0; i < keys.size(); i++) {
        runs.put("r" + i, client.run(peer, "r" + i, keys.get(i), ""));
      }
      client.follow(peer, runs, _ -> {});
    }
  }

  private static void floodOfRuns(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      Map<String, String> runs = new HashMap<>();
      for (int i = 0; i < 60; i++) {
        String job = client.job();
        runs.put("r" + i, job);
        client.run(peer, "r" + i, job, QUICKLY, "sleep 0." + client.between(0, 3));
      }
      client.follow(peer, runs, _ -> {});
    }
  }

  private static void floodOfQuestions(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      byte[] all = new byte[0];
      for (int i = 0; i < 200; i++) {
        String type = client.oneIn(2) ? "jobs" : "ping";
        byte[] next = RawClient.frame("'type':'" + type + "','id':'q" + i + "'");
        all = Arrays.copyOf(all, all.length + next.length);
        System.arraycopy(next, 0, all, all.length - next.length, next.length);
      }
      peer.sendRaw(all);
      client.pause(0, 500);
      end(client, peer);
    }
  }

  private static void noReader(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      client.run(peer, "r", QUICKLY, "exec cat /dev/zero");
      client.run(peer, "s", QUICKLY + ",'stdin':true", "exec cat /dev/zero");
      client.pause(100, 2_000);
      end(client, peer);
    }
  }

  private static void brokenFrames(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      client.run(peer, "r", QUICKLY, "exec " + SLEEP);
      byte[] bytes =
          switch (client.between(0, 3)) {
            case 0 -> new byte[] {-1, -1, -1, -1};
            case 1 -> new byte[] {9, 0};
            case 2 -> RawClient.frame("'type':'run','id':'r'");
            default -> RawClient.frame("'type':'stdin','job':'none','id':'x','offset':0");
          };
      peer.sendRaw(bytes);
      client.pause(0, 200);
      end(client, peer);
    }
  }

  private static void unfinishedFrames(Client client) throws Exception {
    Peer[] peers = new Peer[client.between(1, 12)];
    try {
      for (int i = 0; i < peers.length; i++) {
        peers[i] = client.connect();
        byte[] frame = RawClient.frame("'id':'big'", new byte[120_000]);
        peers[i].sendRaw(Arrays.copyOf(frame, frame.length - 1));
      }
      client.pause(0, 1_000);
    } finally {
      for (Peer peer : peers) {
        if (peer != null) {
          peer.reset();
        }
      }
    }
  }

  private static void seed(Client client) throws Exception {
    try (Peer peer = Peer.plain(client.victim.life().seedPort())) {
      peer.sendRaw(Client.utf8(client.oneIn(3) ? "sleep 0.2; echo hi" : "seq 1 2000"));
      if (client.oneIn(3)) {
        client.pause(0, 100);
        end(client, peer);
      } else {
        int _ = peer.in().readNBytes(40).length;
      }
    }
  }

  private static void heartbeat(Client client) throws Exception {
    String secret = client.victim.secret(2);
    try (Peer peer = Peer.unix(client.victim)) {
      peer.client().send("'type':'hello','id':'h','version':1,'heartbeat_ms':1000");
      client.run(peer, "r", "'window':4096," + QUICKLY, "exec cat /dev/zero");
      if (!secret.isEmpty()) {
        client.pause(500, 4_500);
      }
    }
  }

  private static void oddProcesses(Client client) throws Exception {
    List<String> what =
        List.of(
            "leader 30",
            "cloneparent 3",
            "chain 20",
            "zombies 20",
            "deaf",
            "stopped",
            "shed",
            "hang 2");
    String odd = what.get(client.between(0, what.size() - 1));
    try (Peer peer = client.connect()) {
      String line = "exec /usr/bin/python3 " + client.victim.odd() + " " + odd;
      String keys = "'timeout_ms':" + client.between(300, 3_000) + "," + QUICKLY;
      if (client.oneIn(2)) {
        line = "/usr/bin/python3 " + client.victim.odd() + " " + odd + " & sleep 0.3";
      }
      client.runToTheEnd(peer, keys, line);
    }
  }

  private static void anotherUser(Client client) throws Exception {
    String secret = client.victim.secret(Victim.principals());
    try (Peer peer = Peer.tls(client.victim.life().tlsPort(), secret)) {
      String line = client.oneIn(2) ? "id -u" : "(setsid " + SLEEP + " &); " + SLEEP;
      client.runToTheEnd(peer, "'user':'games','timeout_ms':500," + QUICKLY, line);
    }
  }

  private static void rootsProgram(Client client) throws Exception {
    var program = client.victim.rootsProgram();
    if (!java.nio.file.Files.exists(program)) {
      return;
    }
    try (Peer peer = client.connect()) {
      String line = program + " " + client.victim.odd() + " root 4";
      String keys = "'timeout_ms':" + client.between(300, 2_000) + "," + QUICKLY;
      client.runToTheEnd(peer, keys, client.oneIn(2) ? "exec " + line : line + " & sleep 0.3");
    }
  }

  private static void memory(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      boolean grouped = client.victim.groups().memory() != null;
      String keys = grouped ? QUICKLY : QUICKLY + ",'limits':{'memory_bytes':" + (200 << 20) + "}";
      client.runToTheEnd(peer, keys + ",'timeout_ms':5000", "exec tail /dev/zero");
    }
  }

  private static void writesToTheDisk(Client client) throws Exception {
    try (Peer peer = client.connect()) {
      String file = client.victim.disk().folder().resolve("by-" + client.job()).toString();
      String line =
          "dd if=/dev/zero of=" + file + " bs=4096 count=50 conv=fsync 2>/dev/null; rm -f " + file;
      client.runToTheEnd(peer, QUICKLY + ",'timeout_ms':" + client.between(50, 2_000), line);
    }
  }

  private static void sleep(int millis) {
    try {
      Thread.sleep(millis);
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    }
  }
}
