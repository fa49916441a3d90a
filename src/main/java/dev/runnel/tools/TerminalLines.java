package dev.runnel.tools;

import dev.runnel.cli.ShellSession;
import dev.runnel.model.Argument;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/**
 * Somebody types: lines with editing and a history. While none is read the terminal is as it was
 * before, and Ctrl-C goes to the runner. For one thread.
 */
final class TerminalLines implements LineSource, AutoCloseable {
  private static final String PROMPT = "> ";
  private static final int MAX_HISTORY_LINES = 10_000;

  private final Terminal terminal;
  private final LineReader reader;
  private final String host;

  private TerminalLines(Terminal terminal, LineReader reader, String host) {
    this.host = host;
    this.terminal = terminal;
    this.reader = reader;
  }

  /** Takes the terminal, or returns null: there is none to show a prompt on. */
  static @Nullable TerminalLines open(ShellSession runner) {
    try {
      Terminal terminal =
          TerminalBuilder.builder()
              .system(true)
              .dumb(false)
              .providers("ffm,exec")
              .encoding(StandardCharsets.UTF_8)
              .build();
      terminal.handle(
          Terminal.Signal.INT,
          _ -> {
            // After the ^C that the terminal shows: what comes next has a line of its own.
            terminal.writer().println();
            terminal.flush();
            runner.interrupt();
          });
      return new TerminalLines(
          terminal, reader(terminal, HistoryFile.prepare(runner)), runner.label());
    } catch (IOException | IllegalStateException _) {
      return null;
    }
  }

  private static LineReader reader(Terminal terminal, @Nullable Path history) {
    LineReaderBuilder builder =
        LineReaderBuilder.builder()
            .appName("runnel")
            .terminal(terminal)
            // "!" and "\" are the command's.
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
            .option(LineReader.Option.HISTORY_TIMESTAMPED, false)
            .variable(LineReader.HISTORY_SIZE, MAX_HISTORY_LINES)
            .variable(LineReader.HISTORY_FILE_SIZE, MAX_HISTORY_LINES);
    if (history != null) {
      builder.variable(LineReader.HISTORY_FILE, history);
    }
    return builder.build();
  }

  @Override
  public @Nullable Argument next(String mark, @Nullable String folder) {
    String where = folder == null ? host : host + ":" + folder;
    String prompt = (mark.isEmpty() ? "" : "[" + mark + "] ") + where + PROMPT;
    try {
      return Argument.of(reader.readLine(prompt));
    } catch (UserInterruptException _) {
      return Argument.of("");
    } catch (EndOfFileException _) {
      return null;
    } catch (IllegalArgumentException _) {
      // A NUL was typed, which no command can be given.
      return Argument.of("");
    } finally {
      // JLine's Ctrl-C interrupts this thread, and an interrupt that came late would close the
      // next channel that is used.
      var _ = Thread.interrupted();
    }
  }

  @Override
  public void close() throws IOException {
    terminal.close();
  }
}
