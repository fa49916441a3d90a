package dev.runnel.server.seed;

/** What the answers of all connections of a seed listener may hold. On its event loop. */
final class SeedMemory {
  private final long limitBytes;
  private long heldBytes;

  SeedMemory(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  long limitBytes() {
    return limitBytes;
  }

  long heldBytes() {
    return heldBytes;
  }

  /** Takes so much, or takes nothing and says false. */
  boolean tryCharge(long bytes) {
    if (heldBytes + bytes > limitBytes) {
      return false;
    }
    heldBytes += bytes;
    return true;
  }

  void discharge(long bytes) {
    heldBytes -= bytes;
  }
}
