package dev.runnel.bench;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Rounds that belong together: of the floor, and of Runnel right after it. */
final class Pairs {
  private static final double MEDIAN = 0.5;

  private final List<double[]> floor = new ArrayList<>();
  private final List<double[]> runnel = new ArrayList<>();

  void add(double[] ofFloor, double[] ofRunnel) {
    floor.add(ofFloor);
    runnel.add(ofRunnel);
  }

  int count() {
    return floor.size();
  }

  /** The median over rounds of each round's median. */
  Result median(String name, String title, Result.Unit unit) {
    double[] floors = medians(floor);
    double[] runnels = medians(runnel);
    double[] ratios = new double[floors.length];
    for (int i = 0; i < ratios.length; i++) {
      ratios[i] = runnels[i] / floors[i];
    }
    return new Result(
        name, title, unit, median(runnels), new Result.Floor(median(floors), median(ratios)));
  }

  /** A percentile of all samples together; single rounds have too few. */
  Result percentile(double part, String name, String title, Result.Unit unit) {
    double ofFloor = percentile(all(floor), part);
    double ofRunnel = percentile(all(runnel), part);
    return new Result(name, title, unit, ofRunnel, new Result.Floor(ofFloor, ofRunnel / ofFloor));
  }

  private static double[] medians(List<double[]> rounds) {
    return rounds.stream().mapToDouble(Pairs::median).toArray();
  }

  private static double[] all(List<double[]> rounds) {
    return rounds.stream().flatMapToDouble(Arrays::stream).toArray();
  }

  static double median(double[] samples) {
    return percentile(samples, MEDIAN);
  }

  static double percentile(double[] samples, double part) {
    double[] sorted = samples.clone();
    Arrays.sort(sorted);
    return sorted[Math.min(sorted.length - 1, (int) (sorted.length * part))];
  }
}
