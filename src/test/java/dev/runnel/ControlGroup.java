package dev.runnel;

import dev.runnel.server.Until;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A control group that bounds memory or processes, of either version, or freezes. */
public record ControlGroup(Path path) implements AutoCloseable {
  private static final AtomicInteger COUNT = new AtomicInteger();

  /** A new one for so much memory; where none may be made the test is left out. */
  public static ControlGroup ofMemory(long maxBytes, String test) throws IOException {
    Path first = Path.of("/sys/fs/cgroup/memory");
    boolean isFirst = Files.isDirectory(first);
    ControlGroup group = create("memory", test);
    String limit = isFirst ? "memory.limit_in_bytes" : "memory.max";
    group.set(limit, Long.toString(maxBytes), test);
    if (!isFirst) {
      group.set("memory.swap.max", "0", test);
    }
    return group;
  }

  /** A new one that counts processes, and has no bound yet; the same. */
  public static ControlGroup ofProcesses(String test) throws IOException {
    ControlGroup group = create("pids", test);
    group.set("pids.max", "max", test);
    return group;
  }

  /** A new one in which processes can be frozen so that KILL does not end them: of version 1. */
  public static ControlGroup ofFreezer(String test) throws IOException {
    if (!Files.isDirectory(Path.of("/sys/fs/cgroup/freezer"))) {
      Tool.leaveOut("no freezer of version 1", test);
    }
    return create("freezer", test);
  }

  private static ControlGroup create(String controller, String test) throws IOException {
    Tool.requireRoot(test);
    Path first = Path.of("/sys/fs/cgroup", controller);
    Path parent = Files.isDirectory(first) ? first : Path.of("/sys/fs/cgroup");
    String name = "runnel-test-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    Path group = parent.resolve(name);
    try {
      return new ControlGroup(Files.createDirectory(group));
    } catch (IOException e) {
      Tool.leaveOut("no control group may be made: " + e, test);
      throw e;
    }
  }

  private void set(String file, String value, String test) throws IOException {
    try {
      Files.writeString(path.resolve(file), value);
    } catch (IOException e) {
      Files.delete(path);
      Tool.leaveOut("a control group can't be bounded: " + e, test);
    }
  }

  /** No more processes than there are. */
  public void letNobodyIn() throws IOException {
    letIn(0);
  }

  /** So many processes and threads more than there are. */
  public void letIn(int more) throws IOException {
    Files.writeString(path.resolve("pids.max"), Integer.toString(count() + more));
  }

  /** How many processes and threads there are. */
  public int count() throws IOException {
    return Integer.parseInt(Files.readString(path.resolve("pids.current")).strip());
  }

  /** As many as anybody likes. */
  public void letEverybodyIn() throws IOException {
    Files.writeString(path.resolve("pids.max"), "max");
  }

  /** Nobody in it goes on, nor ends. */
  public void freeze() throws Exception {
    Files.writeString(path.resolve("freezer.state"), "FROZEN");
    Until.holds(
        "frozen", () -> Files.readString(path.resolve("freezer.state")).strip().equals("FROZEN"));
  }

  public void thaw() throws IOException {
    Files.writeString(path.resolve("freezer.state"), "THAWED");
  }

  /** Where the kernel counts whom it killed for want of memory. */
  public Path counter() {
    Path first = path.resolve("memory.oom_control");
    return Files.exists(first) ? first : path.resolve("memory.events");
  }

  /** A shell line that moves the shell into it. */
  public String enter() {
    return "echo $$ >'" + path + "/cgroup.procs'";
  }

  private String members() throws IOException {
    return Files.readString(path.resolve("cgroup.procs"));
  }

  /** Waits until nobody is in it any more; whoever stays is killed, and the test fails. */
  @Override
  public void close() throws IOException {
    try {
      Until.holds("nobody in the control group", () -> members().isEmpty());
    } catch (Exception | AssertionError e) {
      killAll();
      throw new IOException("left behind: " + path, e);
    }
    Files.delete(path);
  }

  private void killAll() throws IOException {
    Path max = path.resolve("pids.max");
    if (Files.exists(max)) {
      Files.writeString(max, "0");
    }
    members()
        .lines()
        .map(Long::parseLong)
        .flatMap(pid -> ProcessHandle.of(pid).stream())
        .forEach(ProcessHandle::destroyForcibly);
  }
}
