package dev.runnel.chaos;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The oracle: what was said of each job, to whomever, and whether that can all be true. Any thread.
 */
final class Ledger {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Set<String> OUTCOMES =
      Set.of(
          "exited",
          "signaled",
          "timed_out",
          "canceled",
          "start_failed",
          "lost",
          "shutdown",
          "abandoned");

  // Of an end: what every follower must be told alike.
  private static final List<String> COMMON =
      List.of(
          "outcome",
          "exit_code",
          "signal",
          "stdout",
          "stderr",
          "output_bytes",
          "drained",
          "leftovers_total",
          "oom",
          "duration_ms");

  private final Findings findings;
  private final Map<String, Entry> entries = new ConcurrentHashMap<>();
  private final Map<String, Integer> keptProcesses = new ConcurrentHashMap<>();

  Ledger(Findings findings) {
    this.findings = findings;
  }

  /** What is known of one job. Guarded by itself. */
  static final class Entry {
    final String job;
    final int life;
    boolean spooled;
    boolean started;
    @Nullable JsonNode refused;
    boolean kept;
    long expectedStdout = -1;
    @Nullable Path witness;
    @Nullable JsonNode end;

    Entry(String job, int life) {
      this.job = job;
      this.life = life;
    }
  }

  /** A job that is about to be asked for, in this life of the daemon. */
  Entry announce(String job, int life) {
    return entries.computeIfAbsent(job, _ -> new Entry(job, life));
  }

  @Nullable Entry find(String job) {
    return entries.get(job);
  }

  List<Entry> all() {
    return List.copyOf(entries.values());
  }

  void forget() {
    entries.clear();
  }

  void started(String job) {
    Entry entry = entries.get(job);
    if (entry != null) {
      synchronized (entry) {
        entry.started = true;
        if (entry.refused != null) {
          findings.wrong("started, though refused: " + job + ": " + entry.refused);
        }
      }
    }
  }

  /** The last frame of an answer about a job, to one who asked for it by this request. */
  void last(String job, JsonNode header, boolean hadStarted) {
    String type = header.path("type").asText();
    switch (type) {
      case "end" -> ended(job, header);
      case "detached" -> findings.count("detached");
      case "error" -> {
        findings.count("error " + header.path("code").asText());
        if (hadStarted) {
          findings.wrong("an error after started: " + job + ": " + header);
        }
      }
      default -> findings.wrong("not the last of a run: " + header);
    }
  }

  /** The run itself was answered with an error: there never was such a job. */
  void refused(String job, JsonNode error) {
    String code = error.path("code").asText();
    Entry entry = entries.get(job);
    if (entry == null || code.equals("job_exists") || code.equals("stale")) {
      return;
    }
    synchronized (entry) {
      entry.refused = error;
      if (entry.started) {
        findings.wrong("refused, though it had started: " + job + ": " + error);
      }
      mustNotHaveRun(entry, error);
    }
  }

  private void ended(String job, JsonNode end) {
    String outcome = end.path("outcome").asText();
    findings.count("end " + outcome);
    if (!OUTCOMES.contains(outcome)) {
      findings.wrong("outcome: " + end);
    }
    Entry entry = entries.get(job);
    if (entry == null) {
      return;
    }
    synchronized (entry) {
      JsonNode before = entry.end;
      if (before == null) {
        entry.end = end;
        checkFirst(entry, end);
      } else if (!common(before).equals(common(end))) {
        findings.wrong("two ends of " + job + ": " + before + " and " + end);
      }
    }
  }

  private void checkFirst(Entry entry, JsonNode end) {
    String outcome = end.path("outcome").asText();
    if (outcome.equals("start_failed")) {
      mustNotHaveRun(entry, end);
      if (entry.started) {
        findings.wrong("start_failed after started: " + end);
      }
    }
    if (outcome.equals("exited") != (end.has("exit_code") && outcome.equals("exited"))) {
      findings.wrong("exited without an exit code: " + end);
    }
    boolean succeeded = outcome.equals("exited") && end.path("exit_code").asInt() == 0;
    long stdout = end.path("stdout").path("bytes").asLong();
    if (succeeded && entry.expectedStdout >= 0 && stdout != entry.expectedStdout) {
      findings.wrong("a false green, stdout: " + entry.expectedStdout + " expected: " + end);
    }
  }

  private void mustNotHaveRun(Entry entry, JsonNode told) {
    Path witness = entry.witness;
    if (witness != null && Files.exists(witness)) {
      findings.wrong("it ran, though it was told as not started: " + entry.job + ": " + told);
    }
  }

  private static JsonNode common(JsonNode end) {
    ObjectNode common = JSON.createObjectNode();
    for (String key : COMMON) {
      if (end.has(key)) {
        common.set(key, end.get(key));
      }
    }
    return common;
  }

  /** What {@code status} says of a job once nothing is to be under way any more. */
  void settled(Entry entry, JsonNode status, int life) {
    synchronized (entry) {
      if (status.path("type").asText().equals("error")) {
        mayBeUnknown(entry, status, life);
      } else if (!status.path("state").asText().equals("ended")) {
        findings.wrong("not ended: " + status);
      } else if (entry.life == life) {
        if (entry.refused != null) {
          findings.wrong("known, though refused: " + entry.refused + ": " + status);
        }
        ended(entry.job, status);
      } else if (!entry.spooled) {
        findings.wrong("known to the next life, though it never was on disk: " + status);
      } else {
        inALaterLife(entry, status);
      }
    }
  }

  private void mayBeUnknown(Entry entry, JsonNode error, int life) {
    boolean unknown = error.path("code").asText().equals("unknown_job");
    boolean mustBeKnown = entry.end != null || entry.started;
    if (!unknown || (mustBeKnown && entry.life == life)) {
      findings.wrong("not known: " + entry.job + " end=" + entry.end + ": " + error);
    }
  }

  // A true end, if there was one that was told, may have become lost with the life: but none else.
  private void inALaterLife(Entry entry, JsonNode status) {
    JsonNode end = entry.end;
    boolean isLost = status.path("outcome").asText().equals("lost");
    if (isLost && (status.has("exit_code") || status.has("signal"))) {
      findings.wrong("lost, and yet it ended: " + status);
    }
    if (end != null && !isLost && !end.path("outcome").equals(status.path("outcome"))) {
      findings.wrong("another end in the next life: " + end + " and " + status);
    }
    if (isLost && end != null) {
      findings.count("lost though an end had been told");
    }
  }

  /** That process outlives its job, as it asked. */
  void kept(String job) {
    keptProcesses.put(job, 1);
  }

  boolean isKept(String job) {
    return keptProcesses.containsKey(job);
  }

  /** By the audit: each job that was started has exactly one end, and no other has. */
  void checkAudit(Path audit, Set<String> ofThisLife) throws IOException {
    Map<String, Integer> starts = new HashMap<>();
    Map<String, Integer> ends = new HashMap<>();
    for (String line : Files.readAllLines(audit)) {
      JsonNode entry;
      try {
        entry = JSON.readTree(line);
      } catch (IOException _) {
        findings.wrong("not a line of an audit: " + line);
        continue;
      }
      String job = entry.path("job").asText();
      switch (entry.path("event").asText()) {
        case "start" -> starts.merge(job, 1, Integer::sum);
        case "end" -> ends.merge(job, 1, Integer::sum);
        default -> {}
      }
    }
    starts.forEach(
        (job, count) -> {
          int ended = ends.getOrDefault(job, 0);
          if (ended > 1 || count > 1 || (ended == 0 && ofThisLife.contains(job))) {
            findings.wrong("audit: " + job + ": starts: " + count + ", ends: " + ended);
          }
        });
    ends.keySet().removeAll(starts.keySet());
    ends.forEach((job, _) -> findings.wrong("audit: an end without a start: " + job));
  }
}
