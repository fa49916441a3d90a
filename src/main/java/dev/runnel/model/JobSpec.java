package dev.runnel.model;

import java.time.Duration;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * A command and how its running is to be handled. PROTOCOL.md, "Requests", gives the defaults.
 *
 * @param timeout from the process's start; null: no limit
 * @param grace between TERM and KILL
 * @param drain how long the pipes may be silent after the process's exit
 * @param drainMax how long they are read after it in all
 * @param retainBytes how much output the log may hold
 * @param window the runner's credit in bytes beyond its last ack; absent: paced by its transport
 * @param lasting what becomes of it without its runner, and after its end
 * @param labels by which it is found in lists
 */
public record JobSpec(
    CommandSpec command,
    @Nullable Duration timeout,
    Duration grace,
    Duration drain,
    Duration drainMax,
    Leftovers leftovers,
    long retainBytes,
    OptionalLong window,
    Retention lasting,
    Labels labels) {
  public static final Duration DEFAULT_GRACE = Duration.ofSeconds(2);
  public static final Duration DEFAULT_DRAIN = Duration.ofSeconds(1);
  public static final Duration DEFAULT_DRAIN_MAX = Duration.ofSeconds(10);
  public static final long DEFAULT_RETAIN_BYTES = 1 << 20;
  public static final long MIN_WINDOW = 1_024;

  /** What becomes of processes that outlive the command. */
  public enum Leftovers {
    KILL,
    KEEP
  }

  public JobSpec {
    if (Retention.FOREVER.equals(timeout)) {
      timeout = null;
    }
  }

  /** One that ends when its runner goes. */
  public JobSpec(
      CommandSpec command,
      @Nullable Duration timeout,
      Duration grace,
      Duration drain,
      Duration drainMax,
      Leftovers leftovers,
      long retainBytes,
      OptionalLong window) {
    this(
        command,
        timeout,
        grace,
        drain,
        drainMax,
        leftovers,
        retainBytes,
        window,
        Retention.DEFAULT);
  }

  /** One without labels. */
  public JobSpec(
      CommandSpec command,
      @Nullable Duration timeout,
      Duration grace,
      Duration drain,
      Duration drainMax,
      Leftovers leftovers,
      long retainBytes,
      OptionalLong window,
      Retention lasting) {
    this(
        command,
        timeout,
        grace,
        drain,
        drainMax,
        leftovers,
        retainBytes,
        window,
        lasting,
        Labels.NONE);
  }

  /** The command with every default. */
  public static JobSpec of(CommandSpec command) {
    return new JobSpec(
        command,
        null,
        DEFAULT_GRACE,
        DEFAULT_DRAIN,
        DEFAULT_DRAIN_MAX,
        Leftovers.KILL,
        DEFAULT_RETAIN_BYTES,
        OptionalLong.empty());
  }

  /** A shell line with every default. */
  public static JobSpec shell(String line) {
    return of(CommandSpec.shell(line));
  }

  /** The credit of a runner that means to come back, and may have named none. */
  public long lastingWindow() {
    return window.orElse(Math.min(retainBytes, DEFAULT_RETAIN_BYTES));
  }

  /** The same with another window. */
  public JobSpec withWindow(OptionalLong other) {
    return new JobSpec(
        command, timeout, grace, drain, drainMax, leftovers, retainBytes, other, lasting, labels);
  }

  /** Another command, handled the same. */
  public JobSpec withCommand(CommandSpec other) {
    return new JobSpec(
        other, timeout, grace, drain, drainMax, leftovers, retainBytes, window, lasting, labels);
  }

  /** The same with another time to run. */
  public JobSpec withTimeout(Duration other) {
    return new JobSpec(
        command, other, grace, drain, drainMax, leftovers, retainBytes, window, lasting, labels);
  }

  /** The same with another time between TERM and KILL. */
  public JobSpec withGrace(Duration other) {
    return new JobSpec(
        command, timeout, other, drain, drainMax, leftovers, retainBytes, window, lasting, labels);
  }

  /** The same with pipes that are read on for another time. */
  public JobSpec withDrain(Duration silent, Duration most) {
    return new JobSpec(
        command, timeout, grace, silent, most, leftovers, retainBytes, window, lasting, labels);
  }

  /** The same with something else becoming of what outlives the command. */
  public JobSpec withLeftovers(Leftovers other) {
    return new JobSpec(
        command, timeout, grace, drain, drainMax, other, retainBytes, window, lasting, labels);
  }

  /** The same with another log. */
  public JobSpec withRetain(long other) {
    return new JobSpec(
        command, timeout, grace, drain, drainMax, leftovers, other, window, lasting, labels);
  }

  /** The same, lasting otherwise. */
  public JobSpec withLasting(Retention other) {
    return new JobSpec(
        command, timeout, grace, drain, drainMax, leftovers, retainBytes, window, other, labels);
  }

  /** The same with these labels. */
  public JobSpec withLabels(Labels other) {
    return new JobSpec(
        command, timeout, grace, drain, drainMax, leftovers, retainBytes, window, lasting, other);
  }
}
