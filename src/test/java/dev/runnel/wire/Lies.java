package dev.runnel.wire;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A server's whole answer to a run, and every way we know in which it can contradict itself. */
public final class Lies {
  /** What the command printed, in one frame of stdout. */
  public static final String OUTPUT = "123456";

  /** One frame of the answer, without its size. */
  public record Told(String keys, String body) {}

  /**
   * What is wrong, and with which frame.
   *
   * @param truth what stands in the frame; empty: all of it
   * @param lie what stands there instead
   */
  public record Lie(String frame, String truth, String lie) {
    @Override
    public String toString() {
      return frame + ": " + (truth.isEmpty() ? "missing" : truth + " -> " + lie);
    }
  }

  private Lies() {}

  /** Nothing is wrong with it. */
  public static Map<String, Told> truth(String id) {
    String begin = "\"id\":\"" + id + "\",\"final\":false,\"job\":\"j\",";
    Map<String, Told> answer = new LinkedHashMap<>();
    answer.put(
        "started",
        new Told(
            "\"type\":\"started\","
                + begin
                + "\"node\":\"n\",\"boot\":\"b\",\"pid\":7,\"state\":\"running\",\"next\":0",
            ""));
    answer.put(
        "output",
        new Told("\"type\":\"output\"," + begin + "\"stream\":\"stdout\",\"offset\":0", OUTPUT));
    answer.put("exited", new Told("\"type\":\"exited\"," + begin + "\"exit_code\":0", ""));
    answer.put(
        "end",
        new Told(
            "\"type\":\"end\",\"id\":\""
                + id
                + "\",\"final\":true,\"job\":\"j\",\"outcome\":\"exited\",\"exit_code\":0,"
                + "\"stdout\":{\"bytes\":6,\"crc32\":158520161},"
                + "\"stderr\":{\"bytes\":0,\"crc32\":0},\"output_bytes\":6,\"gap_bytes\":0,"
                + "\"started_at_ms\":1700000000000,\"drained\":true,\"leftovers_total\":0",
            ""));
    return answer;
  }

  /** The same with that lie in it. */
  public static List<Told> with(String id, Lie lie) {
    List<Told> frames = new ArrayList<>();
    truth(id)
        .forEach(
            (name, told) -> {
              if (!name.equals(lie.frame())) {
                frames.add(told);
              } else if (!lie.truth().isEmpty()) {
                frames.add(changed(told, lie));
              }
            });
    return frames;
  }

  private static Told changed(Told told, Lie lie) {
    if (told.body().equals(lie.truth())) {
      return new Told(told.keys(), lie.lie());
    }
    if (!told.keys().contains(lie.truth())) {
      throw new IllegalArgumentException(lie + ": not in " + told.keys());
    }
    return new Told(told.keys().replace(lie.truth(), lie.lie()), told.body());
  }

  public static List<Lie> all() {
    List<Lie> lies = new ArrayList<>();
    for (String frame : List.of("started", "output", "exited", "end")) {
      lies.add(new Lie(frame, "\"job\":\"j\"", "\"job\":\"k\""));
      lies.add(new Lie(frame, ",\"job\":\"j\"", ""));
      boolean last = frame.equals("end");
      lies.add(new Lie(frame, "\"final\":" + last, "\"final\":" + !last));
    }
    lies.add(new Lie("started", "", ""));
    lies.add(new Lie("started", "\"next\":0", "\"next\":3"));
    lies.add(new Lie("started", "\"next\":0", "\"next\":-1"));
    lies.add(new Lie("started", ",\"next\":0", ""));
    lies.add(new Lie("started", "\"running\"", "\"asleep\""));
    lies.add(new Lie("output", "", ""));
    lies.add(new Lie("output", "\"offset\":0", "\"offset\":1"));
    lies.add(new Lie("output", "\"stdout\"", "\"stderr\""));
    lies.add(new Lie("output", "\"stdout\"", "\"stdin\""));
    lies.add(new Lie("output", OUTPUT, "12345"));
    lies.add(new Lie("output", OUTPUT, "1234567"));
    lies.add(new Lie("output", OUTPUT, "123457"));
    lies.add(new Lie("exited", "\"exit_code\":0", "\"exit_code\":1"));
    lies.add(new Lie("exited", "\"exit_code\":0", "\"signal\":\"KILL\""));
    lies.add(new Lie("exited", "\"exit_code\":0", "\"exit_code\":0,\"signal\":\"KILL\""));
    addEnds(lies);
    return lies;
  }

  private static void addEnds(List<Lie> lies) {
    String code = "\"exit_code\":0";
    lies.add(new Lie("end", "", ""));
    lies.add(new Lie("end", ",\"final\":true", ""));
    lies.add(new Lie("end", "\"exited\"", "\"signaled\""));
    lies.add(new Lie("end", "\"exited\"", "\"start_failed\""));
    lies.add(new Lie("end", "\"exited\"", "\"well\""));
    lies.add(new Lie("end", "," + code, ""));
    lies.add(new Lie("end", code, "\"exit_code\":256"));
    lies.add(new Lie("end", code, "\"exit_code\":-1"));
    lies.add(new Lie("end", code, "\"exit_code\":137"));
    lies.add(new Lie("end", code, "\"signal\":\"KILL\""));
    lies.add(new Lie("end", code, "\"exit_code\":137,\"signal\":\"KILL\""));
    lies.add(new Lie("end", "\"exited\"," + code, "\"signaled\",\"signal\":\"KILL\""));
    for (String wrong : List.of("5", "7", "0", "-6")) {
      lies.add(new Lie("end", "\"output_bytes\":6", "\"output_bytes\":" + wrong));
      lies.add(new Lie("end", "{\"bytes\":6", "{\"bytes\":" + wrong));
    }
    lies.add(new Lie("end", ",\"output_bytes\":6", ""));
    lies.add(new Lie("end", "158520161", "158520162"));
    lies.add(new Lie("end", "{\"bytes\":0,\"crc32\":0}", "{\"bytes\":1,\"crc32\":0}"));
    lies.add(new Lie("end", "{\"bytes\":0,\"crc32\":0}", "{\"bytes\":0,\"crc32\":1}"));
    lies.add(new Lie("end", "\"stderr\":{\"bytes\":0,\"crc32\":0},", ""));
    lies.add(new Lie("end", "\"stdout\":{\"bytes\":6,\"crc32\":158520161},", ""));
  }
}
