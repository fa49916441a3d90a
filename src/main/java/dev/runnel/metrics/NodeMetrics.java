package dev.runnel.metrics;

import dev.runnel.job.Job;
import dev.runnel.job.JobObserver;
import dev.runnel.job.JobRegistry;
import dev.runnel.model.End;
import dev.runnel.model.JobState;
import dev.runnel.model.Outcome;
import dev.runnel.model.Stream;
import dev.runnel.server.ServerContext;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The meters of a node. docs/guide/monitoring.md lists them. Their labels have few values, known
 * beforehand: no job, command or principal is one.
 */
public final class NodeMetrics implements JobObserver {
  private static final Logger LOG = LoggerFactory.getLogger(NodeMetrics.class);

  private static final Duration[] LATENCY = {
    Duration.ofNanos(500_000),
    Duration.ofMillis(1),
    Duration.ofNanos(2_500_000),
    Duration.ofMillis(5),
    Duration.ofMillis(10),
    Duration.ofMillis(25),
    Duration.ofMillis(100),
    Duration.ofMillis(500),
    Duration.ofMillis(2_500),
    Duration.ofSeconds(10)
  };

  private static final Duration[] DURATION = {
    Duration.ofMillis(10),
    Duration.ofMillis(100),
    Duration.ofSeconds(1),
    Duration.ofSeconds(10),
    Duration.ofMinutes(1),
    Duration.ofMinutes(10),
    Duration.ofHours(1),
    Duration.ofHours(6),
    Duration.ofDays(1)
  };

  private final Timer startLatency;
  private final Timer jobDuration;
  private final Counter refused;
  private final Counter leftovers;
  private final Map<Outcome, Counter> outcomes = new EnumMap<>(Outcome.class);
  private final Map<Stream, Counter> bytes = new EnumMap<>(Stream.class);

  private NodeMetrics(MeterRegistry meters) {
    startLatency =
        Timer.builder("runnel.start.latency")
            .description("From the request to the process")
            .serviceLevelObjectives(LATENCY)
            .register(meters);
    jobDuration =
        Timer.builder("runnel.job.duration")
            .description("From the process to its exit")
            .serviceLevelObjectives(DURATION)
            .register(meters);
    refused =
        Counter.builder("runnel.starts.refused")
            .description("Jobs that were taken and then could not be started at all")
            .register(meters);
    leftovers =
        Counter.builder("runnel.leftovers")
            .description("Processes that outlived their command")
            .register(meters);
    for (Outcome outcome : Outcome.values()) {
      outcomes.put(
          outcome,
          Counter.builder("runnel.jobs.ended")
              .description("Jobs that ended, by outcome")
              .tag("outcome", outcome.wireName())
              .register(meters));
    }
    for (Stream stream : Stream.values()) {
      bytes.put(
          stream,
          Counter.builder("runnel.output")
              .description("Output of jobs that ended, by stream")
              .baseUnit("bytes")
              .tag("stream", stream.name().toLowerCase(Locale.ROOT))
              .register(meters));
    }
  }

  /** Adds the meters of that node. */
  public static void bind(MeterRegistry meters, JobRegistry jobs, ServerContext room) {
    NodeMetrics metrics = new NodeMetrics(meters);
    jobs.observe(metrics);
    for (JobState state : JobState.values()) {
      gauge(
          meters,
          "runnel.jobs",
          "Jobs that are known, by state",
          state.name().toLowerCase(Locale.ROOT),
          () -> jobs.census().getOrDefault(state, 0));
    }
    gauge(meters, "runnel.job.places", "Places of jobs that are taken", jobs::places);
    gauge(meters, "runnel.job.places.limit", "How many there are", jobs::maxPlaces);
    bytes(meters, "runnel.log.memory", "Memory of logs beyond their floors", jobs::logBytes);
    bytes(meters, "runnel.log.memory.limit", "How much there may be", jobs::maxLogBytes);
    bytes(meters, "runnel.spool", "Output on disk", jobs::spoolBytes);
    bytes(meters, "runnel.spool.limit", "How much there may be", jobs::maxSpoolBytes);
    gauge(meters, "runnel.connections", "Connections, of all listeners", room.connections()::get);
    gauge(
        meters, "runnel.connections.limit", "How many there may be", room.limits()::maxConnections);
    FunctionCounter.builder("process.cpu", jobs, _ -> cpuSeconds())
        .description("Processor time of the server's own process")
        .baseUnit("seconds")
        .register(meters);
  }

  private static double cpuSeconds() {
    return ProcessHandle.current().info().totalCpuDuration().orElse(Duration.ZERO).toNanos() / 1e9;
  }

  private static void gauge(
      MeterRegistry meters, String name, String text, Supplier<Number> value) {
    Gauge.builder(name, value).description(text).strongReference(true).register(meters);
  }

  private static void gauge(
      MeterRegistry meters, String name, String text, String state, Supplier<Number> value) {
    Gauge.builder(name, value)
        .description(text)
        .tag("state", state)
        .strongReference(true)
        .register(meters);
  }

  private static void bytes(
      MeterRegistry meters, String name, String text, Supplier<Number> value) {
    Gauge.builder(name, value)
        .description(text)
        .baseUnit("bytes")
        .strongReference(true)
        .register(meters);
  }

  @Override
  public void started(Duration latency) {
    quietly(() -> startLatency.record(latency));
  }

  @Override
  public void over(Job job) {
    quietly(() -> count(job.now().end()));
  }

  private void count(@Nullable End end) {
    if (end == null) {
      refused.increment();
      return;
    }
    increment(outcomes.get(end.outcome()), 1);
    increment(bytes.get(Stream.STDOUT), end.stdout().bytes());
    increment(bytes.get(Stream.STDERR), end.stderr().bytes());
    leftovers.increment(end.leftoversTotal());
    Duration duration = end.duration();
    if (duration != null) {
      jobDuration.record(duration);
    }
  }

  private static void increment(@Nullable Counter counter, long amount) {
    if (counter != null) {
      counter.increment((double) amount);
    }
  }

  // A registry is an application's own: what it throws must not cost a job.
  private static void quietly(Runnable observation) {
    try {
      observation.run();
    } catch (RuntimeException e) {
      LOG.warn("metrics not counted cause={}", e.toString());
    }
  }
}
