package dev.runnel.process.proc;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.runnel.Tool;
import dev.runnel.model.JobId;
import dev.runnel.process.engine.Runs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Whose mark a process carries, at every moment of its life. */
@NullMarked
@Tag("slow")
class EnvironmentTagTest {
  private static final long TAG = 0x1234;
  private static final EnvironmentTag MARK = new EnvironmentTag("life");

  private static Process python(String program, boolean isMarked) throws IOException {
    ProcessBuilder builder = new ProcessBuilder("python3", "-c", "import os, sys\n" + program);
    builder.environment().clear();
    builder.environment().put("PADDING", "x".repeat(100_000));
    if (isMarked) {
      String entry = new String(MARK.entry(new JobId("j"), TAG), StandardCharsets.US_ASCII);
      int equals = entry.indexOf('=');
      builder.environment().put(entry.substring(0, equals), entry.substring(equals + 1));
    }
    Process process = builder.start();
    assertEquals('x', process.getInputStream().read());
    return process;
  }

  /** Its memory, of a quarter of a gibibyte, goes first, while the process is still there. */
  @Test
  void oneThatExitsIsNeverTakenForAnothers() throws Exception {
    Tool.require("python3", "EnvironmentTagTest.oneThatExitsIsNeverTakenForAnothers");
    for (int round = 0; round < 2; round++) {
      Process process =
          python("a = b'a' * (1 << 28); os.write(1, b'x'); os.read(0, 1); os._exit(0)", true);
      int pid = (int) process.pid();
      assertEquals(TAG, MARK.of(pid));
      process.getOutputStream().close();
      while (process.isAlive()) {
        long tag = MARK.of(pid);
        if (tag != TAG) {
          assertEquals(ProcessTable.UNREADABLE, tag);
        }
      }
    }
  }

  @Test
  void oneThatExecutesProgramsIsNeverTakenForAnothers() throws Exception {
    Tool.require("python3", "EnvironmentTagTest.oneThatExecutesProgramsIsNeverTakenForAnothers");
    String again =
        "n = int(sys.argv[1]) if len(sys.argv) > 1 else 60\n"
            + "if n == 60: os.write(1, b'x')\n"
            + "if n: os.execv('/proc/self/exe', ['python3', '-S', '-c', sys.orig_argv[-1 if n == 60"
            + " else -2], str(n - 1)])\n";
    Process process = python(again, true);
    int pid = (int) process.pid();
    while (process.isAlive()) {
      long tag = MARK.of(pid);
      if (tag != TAG) {
        assertEquals(ProcessTable.UNREADABLE, tag);
      }
    }
    assertEquals(0, process.waitFor());
  }

  @Test
  void oneWithoutAMarkIsKnownForWithoutOne() throws Exception {
    Tool.require("python3", "EnvironmentTagTest.oneWithoutAMarkIsKnownForWithoutOne");
    for (String threads :
        List.of("", "import threading; threading.Thread(target=input, daemon=True).start()\n")) {
      Process process = python(threads + "os.write(1, b'x'); os.read(0, 1)", false);
      assertEquals(ProcessTable.NO_TAG, MARK.of((int) process.pid()));
      process.destroyForcibly().waitFor();
    }
  }

  @Test
  void oneWithAnEmptyEnvironmentIsKnownForWithoutAMark() throws Exception {
    Process process = new ProcessBuilder("env", "-i", "sleep", "100").start();
    int pid = (int) process.pid();
    Runs.await("an empty environment", () -> MARK.of(pid) == ProcessTable.NO_TAG);
    process.destroyForcibly().waitFor();
  }
}
