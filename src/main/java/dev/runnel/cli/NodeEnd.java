package dev.runnel.cli;

import dev.runnel.model.Argument;
import dev.runnel.model.End;
import dev.runnel.model.Event;
import dev.runnel.model.ExitStatus;
import dev.runnel.model.SafeText;
import dev.runnel.model.Signal;
import org.jspecify.annotations.Nullable;

/** How a command ended on one of many nodes, or why it is not known to have ended. Any thread. */
public final class NodeEnd {
  private final String node;
  private final ExecResult result;

  /** What was done about the command here before it ended. */
  public enum Here {
    NOTHING,
    /** Ctrl-C, or another signal to us. */
    INTERRUPTED,
    /** It was ended because another node failed. */
    STOPPED
  }

  private NodeEnd(String node, ExecResult result) {
    this.node = node;
    this.result = result;
  }

  /** Its end came, and all of its output. */
  public static NodeEnd of(String node, End end, Here here, Argument command) {
    JobControl.Canceled canceled =
        here == Here.INTERRUPTED ? JobControl.Canceled.BY_US : JobControl.Canceled.BY_OTHERS;
    Event.Ended ended = new Event.Ended(end, 0);
    return new NodeEnd(node, ExecResult.of(ended, null, canceled, command.toString()));
  }

  /** None came, or it was not to be believed. */
  public static NodeEnd failed(String node, String why) {
    return new NodeEnd(node, new ExecResult(Failure.OURS, why, null, null));
  }

  /** It was not begun, or its end not waited for, because of a signal to us. */
  public static NodeEnd interrupted(String node, Signal signal, String how) {
    int code = ExecResult.ofSignal(signal).exitCode();
    return new NodeEnd(node, new ExecResult(code, how, null, null));
  }

  public String node() {
    return node;
  }

  public int exitCode() {
    return result.exitCode();
  }

  public boolean isSuccess() {
    return result.exitCode() == 0;
  }

  /** Whether the command's own end came. */
  public boolean isEnd() {
    return result.ended() != null;
  }

  /** What went wrong, in a line; null: nothing did that the exit code does not say. */
  public @Nullable String complaint() {
    return result.speaksForItself() ? null : result.complaint();
  }

  /** What else is worth knowing; null: nothing. */
  public @Nullable String note() {
    Event.Ended ended = result.ended();
    if (result.note() != null || isSuccess() || ended == null || complaint() != null) {
      return result.note();
    }
    return ended.end().status() instanceof ExitStatus.Signaled signaled
        ? "ended by SIG" + signaled.signalName()
        : "exit code " + result.exitCode();
  }

  /** As a line of JSON. */
  String json() {
    return EndReport.json(new JsonText().put("node", SafeText.oneLine(node)), result).toString();
  }
}
