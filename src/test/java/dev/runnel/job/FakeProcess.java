package dev.runnel.job;

import dev.runnel.model.CommandSpec;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.Leftover;
import dev.runnel.model.Signal;
import dev.runnel.model.Stream;
import dev.runnel.model.TerminalSize;
import dev.runnel.process.OsProcess;
import dev.runnel.process.ProcessEngine;
import dev.runnel.process.ProcessListener;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A process and its session: does what the test has it do, and dies of signals unless told not. */
final class FakeProcess implements OsProcess {
  static final Duration CPU = Duration.ofMillis(7);
  static final Duration KILL_PATIENCE = Duration.ofSeconds(5);
  private static final int TURN_BYTES = 256 * 1024;

  private final FakeEngine engine;
  private final int pid;
  private final ProcessListener listener;
  private final boolean hasInput;
  private final Map<Stream, FakePipe> pipes = new EnumMap<>(Stream.class);
  private final List<Leftover> survivors = new ArrayList<>();
  private final List<Signal> signals = new ArrayList<>();
  private final List<TerminalSize> sizes = new ArrayList<>();
  private final List<Duration> graces = new ArrayList<>();
  private final ByteArrayOutputStream input = new ByteArrayOutputStream();
  private final List<Runnable> unanswered = new ArrayList<>();
  private final List<Consumer<Survivors>> clearing = new ArrayList<>();

  private Answers answers = Answers.LATER;
  private boolean ignoresTerm;
  private boolean beyondSignals;
  private boolean begun;
  private @Nullable ExitStatus status;
  private boolean resting;
  private boolean discarding;
  private int inputRoom = Integer.MAX_VALUE;
  private boolean inputOpen = true;
  private ProcessEngine.@Nullable Timer kill;
  private boolean killed;
  private int questions;

  /** When a question about its session is answered. */
  enum Answers {
    BEFORE_RETURN,
    LATER,
    WHEN_TOLD
  }

  FakeProcess(FakeEngine engine, int pid, CommandSpec command, ProcessListener listener) {
    this.engine = engine;
    this.pid = pid;
    this.listener = listener;
    this.hasInput = command.stdin() == CommandSpec.Stdin.PIPE;
    pipes.put(Stream.STDOUT, new FakePipe(Stream.STDOUT, listener));
    if (command.stderr() == CommandSpec.Stderr.SEPARATE) {
      pipes.put(Stream.STDERR, new FakePipe(Stream.STDERR, listener));
    }
  }

  void begin() {
    engine.add(this);
    begun = true;
    listener.started(this);
    if (status != null) {
      listener.exited(status, CPU);
      endClearing();
    }
  }

  // What it does.

  /** Writes as much as the pipe takes; says how much. */
  int write(Stream stream, byte[] bytes) {
    FakePipe pipe = pipe(stream);
    return pipe.holders().isEmpty() ? 0 : pipe.write(bytes);
  }

  void write(Stream stream, String text) {
    write(stream, text.getBytes(java.nio.charset.StandardCharsets.US_ASCII));
  }

  void close(Stream stream) {
    pipe(stream).holders().clear();
  }

  void exit(int code) {
    exit(new ExitStatus.Exited(code));
  }

  /** The kernel kills it. */
  void killForMemory() {
    engine.onPump(listener::killedForMemory);
    exit(new ExitStatus.Signaled(9));
  }

  /** The leader ends, and lets go of its pipes. */
  void exit(ExitStatus how) {
    if (status != null) {
      return;
    }
    status = how;
    pipes.values().forEach(pipe -> pipe.holders().remove(FakePipe.Holder.LEADER));
    if (begun) {
      engine.onPump(() -> listener.exited(how, CPU));
      endClearing();
    }
  }

  /** Its listener failed: what the engine does then. */
  void lose() {
    discarding = true;
    end(Signal.KILL);
    engine.onPump(listener::lost);
  }

  /** A child that lives on after its leader. */
  void fork(int child, String command) {
    survivors.add(new Leftover(child, command, false));
  }

  /** The children are gone by themselves. */
  void endSurvivors() {
    survivors.clear();
    pipes.values().forEach(pipe -> pipe.holders().remove(FakePipe.Holder.SURVIVOR));
    endClearing();
  }

  void hold(FakePipe.Holder holder, Stream stream) {
    pipe(stream).holders().add(holder);
  }

  void release(FakePipe.Holder holder, Stream stream) {
    pipe(stream).holders().remove(holder);
  }

  void ignoreTerm() {
    ignoresTerm = true;
  }

  void answer(Answers when) {
    answers = when;
  }

  /** No signal ends it: it waits for a disk that does not answer, say. */
  void beBeyondSignals() {
    beyondSignals = true;
  }

  /** How much it reads of its stdin from now on. */
  void takeInput(int bytes) {
    inputRoom = bytes;
    if (begun) {
      engine.onPump(this::feed);
    }
  }

  /** It closes its stdin. */
  void breakInput() {
    if (begun && hasInput && inputOpen) {
      inputOpen = false;
      engine.onPump(listener::inputBroken);
    }
  }

  /** Answers, as of now, who asked for the survivors. */
  void answerSurvivors() {
    unanswered.forEach(engine::execute);
    unanswered.clear();
  }

  // What it has seen.

  /** How often somebody asked for the survivors. */
  int questions() {
    return questions;
  }

  List<Signal> signals() {
    return List.copyOf(signals);
  }

  /** Every size its terminal was given. */
  List<TerminalSize> sizes() {
    return List.copyOf(sizes);
  }

  /** Of every order to clear the tree. */
  List<Duration> graces() {
    return List.copyOf(graces);
  }

  byte[] input() {
    return input.toByteArray();
  }

  boolean isInputOpen() {
    return inputOpen;
  }

  boolean isDiscarding() {
    return discarding;
  }

  boolean isResting() {
    return resting;
  }

  boolean hasExited() {
    return status != null;
  }

  FakePipe pipe(Stream stream) {
    FakePipe pipe = pipes.get(stream);
    if (pipe == null) {
      throw new IllegalArgumentException("no pipe: " + stream);
    }
    return pipe;
  }

  List<FakePipe> pipes() {
    return List.copyOf(pipes.values());
  }

  // What the pump does.

  /** Reads each pipe in turn; false: there was nothing to do. */
  boolean poll() {
    boolean busy = false;
    for (FakePipe pipe : pipes.values()) {
      busy |= poll(pipe);
    }
    return busy;
  }

  boolean poll(FakePipe pipe) {
    if (!begun || resting || !pipe.isReadable()) {
      return false;
    }
    if (discarding) {
      pipe.discard();
    } else {
      engine.onPump(() -> resting |= !pipe.read(TURN_BYTES));
    }
    return true;
  }

  @Override
  public int pid() {
    return pid;
  }

  @Override
  public void resumeOutput() {
    engine.checkPump();
    resting = false;
  }

  @Override
  public void endOutput() {
    engine.checkPump();
    if (!discarding) {
      pipes.values().forEach(FakePipe::end);
    }
  }

  @Override
  public void discardOutput() {
    engine.checkPump();
    discarding = true;
    resting = false;
  }

  @Override
  public void feed() {
    engine.checkPump();
    while (hasInput && inputOpen) {
      MemorySegment pending = listener.pendingInput();
      int bytes = pending == null ? 0 : (int) Math.min(pending.byteSize(), inputRoom);
      if (pending == null || bytes == 0) {
        return;
      }
      input.writeBytes(pending.asSlice(0, bytes).toArray(ValueLayout.JAVA_BYTE));
      inputRoom -= bytes;
      listener.inputTaken(bytes);
    }
  }

  @Override
  public void closeInput() {
    engine.checkPump();
    inputOpen = false;
  }

  @Override
  public void resize(TerminalSize size) {
    sizes.add(size);
  }

  @Override
  public boolean signal(Signal signal) {
    engine.checkPump();
    signals.add(signal);
    return status == null || !survivors.isEmpty();
  }

  @Override
  public void survivors(Consumer<Survivors> answer) {
    engine.checkPump();
    questions++;
    Runnable tell = () -> answer.accept(new Survivors(survivors, survivors.size()));
    switch (answers) {
      case BEFORE_RETURN -> tell.run();
      case LATER -> engine.execute(tell);
      case WHEN_TOLD -> unanswered.add(tell);
    }
  }

  @Override
  public void clear(Duration grace, Consumer<Survivors> answer) {
    engine.checkPump();
    graces.add(grace);
    if (status != null && survivors.isEmpty() && clearing.isEmpty()) {
      answer.accept(Survivors.NONE);
      return;
    }
    clearing.add(answer);
    if (killed) {
      return;
    }
    if (kill != null) {
      kill.cancel();
    }
    kill = engine.schedule(grace, this::kill);
    if (!ignoresTerm && !beyondSignals) {
      engine.execute(() -> end(Signal.TERM));
    }
  }

  private void kill() {
    killed = true;
    if (beyondSignals) {
      engine.schedule(KILL_PATIENCE, () -> answerClearing(List.of()));
    } else {
      end(Signal.KILL);
    }
  }

  // Who outlived the leader is told as ended by us.
  private void end(Signal signal) {
    List<Leftover> outlived = status != null ? List.copyOf(survivors) : List.of();
    survivors.clear();
    pipes.values().forEach(pipe -> pipe.holders().remove(FakePipe.Holder.SURVIVOR));
    if (status == null) {
      exit(new ExitStatus.Signaled(signal.number()));
    }
    answerClearing(outlived);
  }

  private void endClearing() {
    if (status != null && survivors.isEmpty()) {
      answerClearing(List.of());
    }
  }

  private void answerClearing(List<Leftover> outlived) {
    if (kill != null) {
      kill.cancel();
    }
    List<Leftover> ended =
        outlived.stream()
            .map(leftover -> new Leftover(leftover.pid(), leftover.command(), true))
            .toList();
    List<Consumer<Survivors>> asked = List.copyOf(clearing);
    clearing.clear();
    asked.forEach(answer -> engine.onPump(() -> answer.accept(new Survivors(ended, ended.size()))));
  }
}
