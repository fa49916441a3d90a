package dev.runnel;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;

/** A control group that bounds memory, of either version. */
public record ControlGroup(Path path) implements AutoCloseable {
  private static final AtomicInteger COUNT = new AtomicInteger();

  /** A new one; where none may be made the test is left out. */
  public static ControlGroup of(long maxBytes) throws IOException {
    Path first = Path.of("/sys/fs/cgroup/memory");
    boolean isFirst = Files.isDirectory(first);
    Path parent = isFirst ? first : Path.of("/sys/fs/cgroup");
    assumeTrue(Files.isWritable(parent), "no control group may be made");
    String name = "runnel-test-" + ProcessHandle.current().pid() + "-" + COUNT.incrementAndGet();
    Path group = parent.resolve(name);
    try {
      Files.createDirectory(group);
      String limit = isFirst ? "memory.limit_in_bytes" : "memory.max";
      Files.writeString(group.resolve(limit), Long.toString(maxBytes));
      if (!isFirst) {
        Files.writeString(group.resolve("memory.swap.max"), "0");
      }
    } catch (IOException e) {
      Files.deleteIfExists(group);
      assumeTrue(false, "no control group may be made: " + e.getMessage());
    }
    return new ControlGroup(group);
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

  @Override
  public void close() throws IOException {
    Files.delete(path);
  }
}
