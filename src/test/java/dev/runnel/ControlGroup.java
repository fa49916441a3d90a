package dev.runnel;

import dev.runnel.server.Until;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A control group that bounds memory or processes, of either version. */
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
    String now = Files.readString(path.resolve("pids.current")).strip();
    Files.writeString(path.resolve("pids.max"), now);
  }

  /** As many as anybody likes. */
  public void letEverybodyIn() throws IOException {
    Files.writeString(path.resolve("pids.max"), "max");
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

  /** Waits until nobody is in it any more. */
  @Override
  public void close() throws IOException {
    try {
      Until.holds(
          "nobody in the control group",
          () -> Files.readString(path.resolve("cgroup.procs")).isEmpty());
    } catch (Exception e) {
      throw new IOException("left behind: " + path, e);
    }
    Files.delete(path);
  }
}
