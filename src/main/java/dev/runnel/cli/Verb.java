package dev.runnel.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Every verb there is, also those that other rooms answer. Whatever does something for each of them
 * does so by a switch without a default, so that the compiler knows of the next one; ClientJvmTest
 * holds the launcher to it.
 */
public enum Verb {
  EXEC("run a command there, or here, and stream its output"),
  SHELL("a prompt: run lines there, one after the other"),
  RUN("start a command there and leave it running; prints the job's name"),
  SERVE("be the server; runneld is the same"),
  PING("ask whether a server is there, who it is and how far away"),
  JOBS("list a server's jobs"),
  STATUS("tell how a job is doing, or how it ended"),
  LOGS("print a job's output, so far or as it comes"),
  ATTACH("take a job over: its output as it comes, its exit code"),
  WAIT("wait for a job's end, and end as it did"),
  CANCEL("end a job with all its processes"),
  SIGNAL("send a signal to a job's processes"),
  BENCH("measure what commands cost here, and what they cost at least"),
  POLICY("say what a policy says to a command, and why"),
  PLAY("show a recording of what a job printed"),
  TOKEN("make a secret by which a server knows a client"),
  TEST("build Runnel and run its tests"),
  PACKAGE("build Runnel and pack it with a runtime of its own"),
  HELP("show this, or the help of a verb");

  private final String word = name().toLowerCase(java.util.Locale.ROOT);
  private final String summary;

  Verb(String summary) {
    this.summary = summary;
  }

  /** What is typed. */
  public String word() {
    return word;
  }

  String summary() {
    return summary;
  }

  /** The verb of that name, or null. */
  public static @Nullable Verb of(String word) {
    for (Verb verb : values()) {
      if (verb.word.equals(word)) {
        return verb;
      }
    }
    return null;
  }

  static List<String> words() {
    List<String> words = new ArrayList<>();
    for (Verb verb : values()) {
      words.add(verb.word);
    }
    return words;
  }
}
