package dev.runnel.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/** The most that a process has of this machine's memory, from now on. Any thread. */
final class PeakMemory {
  private static final String MOST = "VmHWM:";
  // proc_pid_clear_refs(5): the peak begins anew.
  private static final String FORGET_PEAK = "5";
  private static final double KIB_PER_MIB = 1_024;

  private final Path folder;

  private PeakMemory(Path folder) {
    this.folder = folder;
  }

  /** Null: the server is not ours to look into. */
  static @Nullable PeakMemory of(MeasuredServer server) throws IOException {
    ProcessHandle process = server.process();
    if (process == null) {
      return null;
    }
    PeakMemory memory = new PeakMemory(Path.of("/proc", Long.toString(process.pid())));
    Files.writeString(memory.folder.resolve("clear_refs"), FORGET_PEAK);
    return memory;
  }

  double mostMebibytes() throws IOException {
    for (String line : Files.readAllLines(folder.resolve("status"))) {
      if (line.startsWith(MOST)) {
        return Long.parseLong(line.replaceAll("\\D", "")) / KIB_PER_MIB;
      }
    }
    throw new IOException(folder + "/status: no " + MOST);
  }
}
