package dev.runnel.process.tree;

import dev.runnel.process.spawn.StartTags;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Which runs there are, and which are over but keep what they left. The pump's own. */
public final class TreeRegistry {
  private final StartTags births;
  private final Map<Integer, Session> byLeader = new LinkedHashMap<>();
  private final Map<Long, Session> byTag = new HashMap<>();
  private final Set<Long> kept = new LinkedHashSet<>();

  public TreeRegistry(StartTags births) {
    this.births = births;
  }

  StartTags births() {
    return births;
  }

  void enter(Session session) {
    byLeader.put(session.pid(), session);
    byTag.put(session.tag(), session);
  }

  void leave(Session session) {
    byLeader.remove(session.pid());
    byTag.remove(session.tag());
  }

  boolean isEmpty() {
    return byLeader.isEmpty();
  }

  /** The oldest first. */
  Collection<Session> all() {
    return List.copyOf(byLeader.values());
  }

  @Nullable Session ledBy(int pid) {
    return byLeader.get(pid);
  }

  @Nullable Session tagged(long tag) {
    return byTag.get(tag);
  }

  /** Also of a start that is under way. */
  boolean isLive(long tag) {
    return byTag.containsKey(tag) || births.isUnderWay(tag);
  }

  /** Whether that child is a command. */
  boolean isCommand(int child) {
    return byLeader.containsKey(child) || births.isCommand(child);
  }

  void keep(long tag) {
    kept.add(tag);
  }

  /** The latest, at most so many; those before count as of no run. */
  List<Long> kept(int max) {
    return kept.stream().skip(Math.max(0, kept.size() - max)).toList();
  }

  boolean isKept(long tag) {
    return kept.contains(tag);
  }

  int keptCount() {
    return kept.size();
  }

  Set<Long> kept() {
    return Set.copyOf(kept);
  }

  /** Forgets those of whom nothing is left. */
  void retainKept(Set<Long> tags) {
    kept.retainAll(tags);
  }

  void forgetEldestKept() {
    kept.remove(kept.iterator().next());
  }
}
