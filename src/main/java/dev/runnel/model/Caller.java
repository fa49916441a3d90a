package dev.runnel.model;

import org.jspecify.annotations.Nullable;

/**
 * Who asks, as far as it is known: what may be asked, and what is written down about it, hangs on
 * this.
 *
 * @param principal whom it was let in as
 * @param source where it is: an IP address, or the word for a way in that has none
 * @param door the node of the cluster that passes on what is asked; null: none does
 */
public record Caller(String principal, String source, Via via, @Nullable String door) {
  /** One that asks the node itself. */
  public Caller(String principal, String source, Via via) {
    this(principal, source, via, null);
  }

  /** The ways in. */
  public enum Via {
    TCP,
    TLS,
    /** A WebSocket. */
    WS,
    /** A WebSocket over TLS. */
    WSS,
    UNIX,
    SEED,
    BUS
  }

  /** Whoever is on the event bus, which knows no names: one principal for all of them. */
  public static final Caller ON_THE_BUS = new Caller("bus", "bus", Via.BUS);
}
