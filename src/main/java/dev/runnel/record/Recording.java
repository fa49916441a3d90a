package dev.runnel.record;

import dev.runnel.job.Job;
import dev.runnel.job.LentSlice;
import dev.runnel.job.LogReader;
import dev.runnel.model.End;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Stream;
import dev.runnel.model.Terminal;
import dev.runnel.model.TerminalSize;
import dev.runnel.security.audit.AuditEntry;
import dev.runnel.service.JobLogLine;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What one job prints, as it is written down. It reads the log as a watcher, whom nobody waits for:
 * a disk that is slower than the job leaves a gap, which is declared. On one of the recorder's
 * threads at a time, unless it says otherwise.
 */
final class Recording {
  private static final Logger LOG = LoggerFactory.getLogger(Recording.class);

  /** How many pieces it writes before it lets others have their turn. */
  private static final int TURN = 16;

  private static final int PIECE_BYTES = 16 * 1024;

  /** For what is said at last: that it was cut, and how the job ended. */
  private static final int LAST_WORDS_BYTES = 1_024;

  /** Whether it has a thread; never two of them. */
  private enum Turn {
    NONE,
    ASKED_FOR,
    HERE,
    /** It has one, and wants another. */
    HERE_AND_ASKED_FOR
  }

  private static final TerminalSize NO_TERMINAL = new TerminalSize(24, 80);

  private final Recordings all;
  private final Job job;
  private final String name;
  private final @Nullable Terminal terminal;
  private final long begunAt = System.nanoTime();
  private final LogReader reader;
  private final AtomicReference<Turn> turn = new AtomicReference<>(Turn.NONE);

  private final Map<Stream, StreamText> texts = new EnumMap<>(Stream.class);
  private RecordingDisk.@Nullable File file;
  private TerminalSize shape = NO_TERMINAL;
  private long size;
  private long missing;
  private @Nullable String stopped;
  private boolean over;

  Recording(Recordings all, Job job, String name, @Nullable Terminal terminal) {
    this.all = all;
    this.job = job;
    this.name = name;
    this.terminal = terminal;
    this.reader = job.read(this::wake);
  }

  /** There is more, or the end. Any thread; does not block. */
  void wake() {
    Turn before =
        turn.getAndUpdate(
            now ->
                switch (now) {
                  case NONE, ASKED_FOR -> Turn.ASKED_FOR;
                  case HERE, HERE_AND_ASKED_FOR -> Turn.HERE_AND_ASKED_FOR;
                });
    if (before == Turn.NONE) {
      all.execute(this::takeTurn);
    }
  }

  private void takeTurn() {
    turn.set(Turn.HERE);
    try {
      look();
    } finally {
      // Whatever was thrown: else nobody would look again.
      if (!turn.compareAndSet(Turn.HERE, Turn.NONE)) {
        turn.set(Turn.ASKED_FOR);
        all.execute(this::takeTurn);
      }
    }
  }

  private void look() {
    if (over) {
      return;
    }
    try {
      lookNow();
    } catch (Throwable e) {
      // It must not stay open for ever, nor take the thread of all others with it.
      boolean again = stopped == null;
      fail(internal(e));
      if (again) {
        wake();
      }
    }
  }

  private static IOException internal(Throwable mistake) {
    return new IOException("internal error: " + mistake, mistake);
  }

  private void lookNow() {
    if (file == null && stopped == null) {
      begin();
    }
    for (int i = 0; i < TURN; i++) {
      if (!lookOnce()) {
        return;
      }
    }
    wake();
  }

  private void begin() {
    shape = shapeNow();
    String term = terminal == null ? null : terminal.term();
    try {
      file = all.disk().create(all.shelf().path(name));
    } catch (IOException e) {
      fail(e);
      return;
    }
    append(AsciicastWriter.header(shape, term, Instant.now(), job.id().value()));
  }

  private boolean lookOnce() {
    if (job.refusal() != null) {
      discard();
      return false;
    }
    if (stopped != null) {
      finish(job.status().end());
      return false;
    }
    TerminalSize now = shapeNow();
    if (!now.equals(shape)) {
      shape = now;
      append(AsciicastWriter.Event.RESIZE, now.cols() + "x" + now.rows());
    }
    return writeNext();
  }

  private TerminalSize shapeNow() {
    TerminalSize now = job.terminalSize();
    return now == null ? NO_TERMINAL : now;
  }

  private boolean writeNext() {
    long before = reader.position();
    LentSlice lease = reader.next(PIECE_BYTES);
    long at = lease == null ? reader.position() : lease.offset();
    if (at > before) {
      missing += at - before;
      cutTexts();
      append(AsciicastWriter.Event.MARKER, "gap: " + (at - before) + " bytes are missing");
    }
    if (lease == null) {
      finish(reader.end());
      return false;
    }
    String text;
    // Not for as long as the disk takes: others may need the memory.
    try (lease) {
      text = text(lease.stream()).take(lease.bytes().asByteBuffer());
    }
    if (!text.isEmpty()) {
      append(AsciicastWriter.Event.OUTPUT, shown(text));
    }
    if (stopped != null) {
      missing += lease.end() - lease.offset();
    }
    return true;
  }

  private StreamText text(Stream stream) {
    return texts.computeIfAbsent(stream, _ -> new StreamText());
  }

  // What a terminal makes of a line feed it makes only where there is one.
  private String shown(String text) {
    return terminal == null ? text.replace("\n", "\r\n") : text;
  }

  private void cutTexts() {
    for (StreamText text : texts.values()) {
      String left = text.cut();
      if (!left.isEmpty()) {
        append(AsciicastWriter.Event.OUTPUT, left);
      }
    }
  }

  private void append(AsciicastWriter.Event event, String data) {
    if (stopped == null) {
      append(AsciicastWriter.event(since(), event, data));
    }
  }

  private Duration since() {
    return Duration.ofNanos(System.nanoTime() - begunAt);
  }

  private void append(byte[] line) {
    long limit = all.maxRecordingBytes();
    if (size + line.length > limit - LAST_WORDS_BYTES) {
      cut("max_recording_bytes: " + limit);
    } else if (!all.shelf().makeRoom(line.length)) {
      cut("max_recordings_bytes: " + all.shelf().maxBytes());
    } else if (!write(line)) {
      all.shelf().giveBack(line.length);
    }
  }

  private void cut(String limit) {
    stop("limit: " + limit);
    writeLast("cut: " + limit);
  }

  // There is always room for it: LAST_WORDS_BYTES.
  private void writeLast(String words) {
    byte[] line = AsciicastWriter.event(since(), AsciicastWriter.Event.MARKER, words);
    if (write(line)) {
      all.shelf().take(line.length);
    }
  }

  /** False: it was not written. */
  private boolean write(byte[] line) {
    RecordingDisk.File open = file;
    if (open == null) {
      return false;
    }
    try {
      open.append(line);
      size += line.length;
      return true;
    } catch (IOException e) {
      fail(e);
    } catch (RuntimeException | Error e) {
      // Caught here, so that the end of the recording is reached all the same.
      fail(internal(e));
    }
    return false;
  }

  private void fail(IOException e) {
    if (stopped == null) {
      JobLogLine.about(job, LOG.atWarn())
          .log("recording failed recording={} cause={}", name, e.toString());
    }
    stop("disk: " + e.getMessage());
  }

  /** Nothing more of the output is written, and it is not read. The first reason counts. */
  private void stop(String why) {
    if (stopped == null) {
      stopped = why;
      job.leave(reader);
    }
  }

  // Null: it has not ended.
  private void finish(@Nullable End end) {
    if (end == null) {
      return;
    }
    cutTexts();
    missing += end.outputBytes() - reader.position();
    writeLast("end: " + words(end));
    leave();
    all.shelf().put(name, size);
    all.audit()
        .note(
            () -> AuditEntry.recorded(job.origin().caller(), job.id(), outcome()).of(job.trace()));
  }

  private AuditEntry.Recording outcome() {
    return new AuditEntry.Recording(name, missing, stopped);
  }

  // It was refused its start: there is nothing that could have been recorded.
  private void discard() {
    leave();
    all.shelf().remove(name, size);
  }

  private void leave() {
    over = true;
    job.leave(reader);
    close();
    all.forget(job, this);
  }

  private static String words(End end) {
    String outcome = end.outcome().wireName();
    return switch (end.status()) {
      case ExitStatus.Exited(int code) -> outcome + ", exit code " + code;
      case ExitStatus.Signaled signaled -> outcome + ", signal " + signaled.signalName();
      case null -> outcome;
    };
  }

  private void close() {
    RecordingDisk.File open = file;
    file = null;
    try {
      if (open != null) {
        open.close();
      }
    } catch (IOException | RuntimeException | Error e) {
      LOG.warn("recording not closed recording={} cause={}", name, e.toString());
    }
  }
}
