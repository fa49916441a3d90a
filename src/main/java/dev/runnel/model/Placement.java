package dev.runnel.model;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * On which node of a cluster a command is to run. PROTOCOL.md, "Requests", keys {@code node} and
 * {@code where}.
 *
 * @param node its name, or {@link #ANY}; null: the one that is asked, or any with the labels
 * @param where labels that it must have, all of them
 */
public record Placement(@Nullable String node, Map<String, String> where) {
  public static final String ANY = "any";

  /** The node that is asked. */
  public static final Placement HERE = new Placement(null, Map.of());

  public Placement {
    where = Map.copyOf(where);
  }

  public boolean isHere() {
    return node == null && where.isEmpty();
  }

  /** Whether it leaves the choice of the node to the one that is asked. */
  public boolean isOpen() {
    return ANY.equals(node) || (node == null && !where.isEmpty());
  }
}
