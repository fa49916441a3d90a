package dev.runnel.bench;

import java.io.IOException;
import java.util.List;

/** One thing that is measured, over Runnel and at the floor. */
interface Measurement {
  /** For people: what is measured. */
  String title();

  /** Measures as long as the pace allows. */
  List<Result> measure(MeasuredServer server, Pace pace) throws IOException;
}
