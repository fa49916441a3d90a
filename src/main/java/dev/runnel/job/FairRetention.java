package dev.runnel.job;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What is remembered until its time is up, or until there is too much: then whoever has most loses
 * first, of that what would go first anyway, so that nobody's churn takes what is another's. Not
 * for several threads at once.
 */
final class FairRetention<T> {
  private final int most;
  private final Map<String, TreeSet<Entry<T>>> byOwner = new HashMap<>();
  private final TreeSet<Entry<T>> byExpiry = new TreeSet<>();
  private long entries;

  /**
   * One of them.
   *
   * @param forgetAtNanos of the engine's clock
   */
  // Times of that clock are compared by their difference: they may overflow.
  record Entry<T>(T value, String owner, long forgetAtNanos, long number)
      implements Comparable<Entry<T>> {
    @Override
    public int compareTo(Entry<T> other) {
      int order = Long.signum(forgetAtNanos - other.forgetAtNanos);
      return order == 0 ? Long.compare(number, other.number) : order;
    }
  }

  /**
   * @param most so many are remembered
   */
  FairRetention(int most) {
    this.most = most;
  }

  /** Adds one; gives back the one that there is no place for any more, which is never this one. */
  @Nullable Entry<T> add(T value, String owner, long forgetAtNanos) {
    Entry<T> gone = byExpiry.size() < most ? null : firstOfWhoHasMost(owner);
    if (gone != null) {
      remove(gone);
    }
    Entry<T> added = new Entry<>(value, owner, forgetAtNanos, entries++);
    byExpiry.add(added);
    byOwner.computeIfAbsent(owner, _ -> new TreeSet<>()).add(added);
    return gone;
  }

  /** All of an owner's, what would go first in front. */
  List<T> of(String owner) {
    TreeSet<Entry<T>> pile = byOwner.get(owner);
    return pile == null ? List.of() : pile.stream().map(Entry::value).toList();
  }

  /** Once there is one more of {@code adding}'s. */
  private @Nullable Entry<T> firstOfWhoHasMost(String adding) {
    Entry<T> first = null;
    int size = 0;
    for (Map.Entry<String, TreeSet<Entry<T>>> pile : byOwner.entrySet()) {
      int own = pile.getValue().size() + (pile.getKey().equals(adding) ? 1 : 0);
      Entry<T> next = pile.getValue().first();
      if (first == null || own > size || (own == size && next.compareTo(first) < 0)) {
        first = next;
        size = own;
      }
    }
    return first;
  }

  /** Takes one of an owner's out before its time; null: it is not here. */
  @Nullable Entry<T> take(T value, String owner) {
    for (Entry<T> entry : byOwner.getOrDefault(owner, new TreeSet<>())) {
      if (entry.value.equals(value)) {
        remove(entry);
        return entry;
      }
    }
    return null;
  }

  private void remove(Entry<T> entry) {
    byExpiry.remove(entry);
    byOwner.computeIfPresent(
        entry.owner,
        (_, pile) -> {
          pile.remove(entry);
          return pile.isEmpty() ? null : pile;
        });
  }

  /** Those whose time is up, which are remembered no longer. */
  List<T> takeExpired(long now) {
    List<T> expired = new ArrayList<>();
    while (!byExpiry.isEmpty() && now - byExpiry.first().forgetAtNanos > 0) {
      Entry<T> entry = byExpiry.first();
      remove(entry);
      expired.add(entry.value);
    }
    return expired;
  }
}
