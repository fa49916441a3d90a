package dev.runnel.tools.bench;

/**
 * What came out.
 *
 * @param name for programs
 * @param title for people
 * @param runnel in units, as is floor
 * @param ratio median of the rounds', so not just their quotient
 */
record Result(String name, String title, Unit unit, double ratio, double runnel, double floor) {

  /** What the figures count. */
  enum Unit {
    MILLIS("ms", Better.LESS),
    PER_SECOND("/s", Better.MORE),
    MEGABYTES_PER_SECOND("MB/s", Better.MORE);

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
