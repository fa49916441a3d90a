package dev.runnel.job;

/** Who follows a job. Any thread may call it; it neither blocks nor throws. */
interface JobListener {
  /** There may be something new: output, a state, the end. */
  void wake();

  /** Its stdin counts from now on. Comes once, to who takes the seat. */
  void seated();

  /** Another has the seat. */
  void replaced();
}
