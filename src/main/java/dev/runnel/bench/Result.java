package dev.runnel.bench;

import org.jspecify.annotations.Nullable;

/**
 * What came out.
 *
 * @param name for programs
 * @param title for people
 * @param runnel in units, as is the floor
 * @param floor null: there is none
 */
record Result(String name, String title, Unit unit, double runnel, @Nullable Floor floor) {

  /**
   * What it is measured against.
   *
   * @param ratio median of the rounds', so not just the quotient
   */
  record Floor(double value, double ratio) {}

  /** What the figures count. */
  enum Unit {
    MILLIS("ms", Better.LESS),
    PER_SECOND("/s", Better.MORE),
    MEGABYTES_PER_SECOND("MB/s", Better.MORE),
    MEBIBYTES("MiB", Better.LESS);

    private final String symbol;
    private final Better better;

    Unit(String symbol, Better better) {
      this.symbol = symbol;
      this.better = better;
    }

    String symbol() {
      return symbol;
    }

    Better better() {
      return better;
    }
  }

  /** Which ratios are good. */
  enum Better {
    LESS,
    MORE
  }
}
