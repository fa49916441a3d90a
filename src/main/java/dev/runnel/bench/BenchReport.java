package dev.runnel.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dev.runnel.cli.BenchOrder;
import java.io.IOException;
import java.io.StringWriter;
import java.util.List;
import java.util.Locale;

/** Results, for people and for programs. */
final class BenchReport {
  private final BenchOrder order;
  private final List<Result> results;

  BenchReport(BenchOrder order, List<Result> results) {
    this.order = order;
    this.results = results;
  }

  String table() {
    StringBuilder text = new StringBuilder();
    text.append(String.format(Locale.ROOT, "%7s  %12s  %12s%n", "ratio", "runnel", "floor"));
    for (Result result : results) {
      text.append(row(result));
    }
    text.append("\nratio: runnel / floor, the median of paired rounds; ↓ less is better, ↑ more\n");
    text.append(order.host() == null ? "server: one of its own" : "server: " + order.host());
    text.append("; floor: bare system calls on this machine, ");
    text.append(Runtime.getRuntime().availableProcessors()).append(" processors\n");
    if (order.host() != null) {
      text.append("If the server is elsewhere, ratios compare two machines and the way between.\n");
    }
    return text.toString();
  }

  private static String row(Result result) {
    Result.Floor floor = result.floor();
    return String.format(
        Locale.ROOT,
        "%5s %s  %12s  %12s  %s%n",
        floor == null ? "–" : String.format(Locale.ROOT, "%.2f", floor.ratio()),
        result.unit().better() == Result.Better.LESS ? "↓" : "↑",
        figure(result.runnel(), result.unit()),
        floor == null ? "–" : figure(floor.value(), result.unit()),
        result.title());
  }

  private static String figure(double value, Result.Unit unit) {
    int decimals = value < 10 ? 3 : value < 1_000 ? 1 : 0;
    return String.format(Locale.ROOT, "%." + decimals + "f %s", value, unit.symbol());
  }

  String json() throws IOException {
    StringWriter text = new StringWriter();
    try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
      json.writeStartObject();
      json.writeStringField("host", order.host());
      json.writeNumberField("processors", Runtime.getRuntime().availableProcessors());
      json.writeArrayFieldStart("results");
      for (Result result : results) {
        write(json, result);
      }
      json.writeEndArray();
      json.writeEndObject();
    }
    return text.append('\n').toString();
  }

  private static void write(JsonGenerator json, Result result) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", result.name());
    json.writeStringField("what", result.title());
    Result.Floor floor = result.floor();
    if (floor != null) {
      json.writeNumberField("ratio", floor.ratio());
      json.writeNumberField("floor", floor.value());
    }
    json.writeStringField("better", result.unit().better().name().toLowerCase(Locale.ROOT));
    json.writeNumberField("runnel", result.runnel());
    json.writeStringField("unit", result.unit().symbol());
    json.writeEndObject();
  }
}
