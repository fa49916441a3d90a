package dev.runnel.cli;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Names of nodes in short: {@code web[1-3,07-12].eu,db1} stands for each of them. A range keeps the
 * leading zeros of its beginning. Brackets that hold anything but digits, {@code -} and {@code ,}
 * are part of the name, as in an IPv6 address. Any thread.
 */
public final class NodeSet {
  /** Somebody may have typed a digit too many. */
  static final int MAX_NAMES = 65_536;

  /** Longer runs of digits are no numbers. */
  private static final int MAX_DIGITS = 18;

  private NodeSet() {}

  /** A number in a name, and what is around it. */
  private record Place(String before, String digits, String after) {
    boolean isPadded() {
      return digits.length() > 1 && digits.charAt(0) == '0';
    }

    long number() {
      return Long.parseLong(digits);
    }

    List<String> key() {
      return List.of(before, after);
    }
  }

  /**
   * The names in their order, each once.
   *
   * @throws IllegalArgumentException it is none, or stands for too many
   */
  public static List<String> expand(String text) {
    LinkedHashSet<String> names = new LinkedHashSet<>();
    for (String part : parts(text)) {
      if (part.isEmpty()) {
        throw new IllegalArgumentException(text + " (expected: names with a comma between them)");
      }
      names.addAll(expandPart(part));
      checkSize(names.size());
    }
    return List.copyOf(names);
  }

  private static void checkSize(long size) {
    if (size > MAX_NAMES) {
      throw new IllegalArgumentException("more than " + MAX_NAMES + " nodes");
    }
  }

  // At commas, but not at those within brackets.
  private static List<String> parts(String text) {
    List<String> parts = new ArrayList<>();
    int from = 0;
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      depth += c == '[' ? 1 : c == ']' ? -1 : 0;
      if (c == ',' && depth == 0) {
        parts.add(text.substring(from, i).strip());
        from = i + 1;
      }
    }
    parts.add(text.substring(from).strip());
    return parts;
  }

  private static List<String> expandPart(String part) {
    int open = part.indexOf('[');
    while (open >= 0) {
      int close = part.indexOf(']', open);
      if (close < 0) {
        throw new IllegalArgumentException(part + " (expected: a ] after the [)");
      }
      String within = part.substring(open + 1, close);
      if (isRange(within)) {
        return combine(part.substring(0, open), within, expandPart(part.substring(close + 1)));
      }
      open = part.indexOf('[', close);
    }
    return List.of(part);
  }

  private static boolean isRange(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if ((c < '0' || c > '9') && c != '-' && c != ',') {
        return false;
      }
    }
    return true;
  }

  private static List<String> combine(String before, String ranges, List<String> tails) {
    List<String> numbers = new ArrayList<>();
    for (String range : ranges.split(",", -1)) {
      addRange(range, numbers);
    }
    checkSize((long) numbers.size() * tails.size());
    List<String> names = new ArrayList<>();
    for (String number : numbers) {
      for (String tail : tails) {
        names.add(before + number + tail);
      }
    }
    return names;
  }

  private static void addRange(String range, List<String> numbers) {
    int dash = range.indexOf('-');
    String low = dash < 0 ? range : range.substring(0, dash);
    String high = dash < 0 ? range : range.substring(dash + 1);
    boolean good = isNumber(low) && isNumber(high) && Long.parseLong(low) <= Long.parseLong(high);
    if (!good) {
      throw new IllegalArgumentException("[" + range + "] (expected: a number, or LOW-HIGH)");
    }
    int width = low.charAt(0) == '0' ? low.length() : 0;
    long first = Long.parseLong(low);
    long last = Long.parseLong(high);
    checkSize(last - first + 1 + numbers.size());
    for (long number = first; number <= last; number++) {
      numbers.add(padded(number, width));
    }
  }

  private static boolean isNumber(String text) {
    boolean good = !text.isEmpty() && text.length() <= MAX_DIGITS;
    return good && text.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private static String padded(long number, int width) {
    String digits = Long.toString(number);
    return "0".repeat(Math.max(0, width - digits.length())) + digits;
  }

  /** The names in short: {@link #expand} makes the same of it, perhaps in another order. */
  public static String fold(Collection<String> names) {
    LinkedHashSet<String> left = new LinkedHashSet<>(names);
    // By the place at which a name first becomes part of a group.
    Map<String, String> groups = new LinkedHashMap<>();
    boolean more = true;
    for (int fromEnd = 0; more; fromEnd++) {
      more = foldAt(fromEnd, left, groups);
    }
    List<String> parts = new ArrayList<>();
    for (String name : names) {
      String group = groups.remove(name);
      if (group != null) {
        parts.add(group);
      } else if (left.remove(name)) {
        parts.add(name);
      }
    }
    return String.join(",", parts);
  }

  /** Takes out those that differ in that number of theirs only; whether any has as many. */
  private static boolean foldAt(int fromEnd, Set<String> left, Map<String, String> made) {
    Map<List<String>, List<Place>> alike = new LinkedHashMap<>();
    for (String name : left) {
      Place place = place(name, fromEnd);
      if (place != null) {
        alike.computeIfAbsent(place.key(), _ -> new ArrayList<>()).add(place);
      }
    }
    for (List<Place> places : alike.values()) {
      if (places.size() > 1) {
        Place first = places.getFirst();
        made.put(
            first.before() + first.digits() + first.after(),
            first.before() + "[" + ranges(places) + "]" + first.after());
        places.forEach(place -> left.remove(place.before() + place.digits() + place.after()));
      }
    }
    return !alike.isEmpty();
  }

  private static @Nullable Place place(String name, int fromEnd) {
    int end = name.length();
    for (int run = 0; ; run++) {
      while (end > 0 && !isDigit(name.charAt(end - 1))) {
        end--;
      }
      int begin = end;
      while (begin > 0 && isDigit(name.charAt(begin - 1))) {
        begin--;
      }
      if (begin == end) {
        return null;
      }
      if (run == fromEnd && end - begin <= MAX_DIGITS) {
        return new Place(name.substring(0, begin), name.substring(begin, end), name.substring(end));
      }
      end = begin;
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static String ranges(List<Place> places) {
    TreeMap<Integer, Map<Long, String>> byWidth = new TreeMap<>();
    for (Place place : places) {
      if (place.isPadded()) {
        put(byWidth, place.digits().length(), place);
      }
    }
    for (Place place : places) {
      if (!place.isPadded()) {
        // 10 continues 07-09.
        Integer width = byWidth.floorKey(place.digits().length());
        put(byWidth, width == null || place.number() == 0 ? 0 : width, place);
      }
    }
    List<String> ranges = new ArrayList<>();
    byWidth.values().forEach(numbers -> addRanges(numbers, ranges));
    return String.join(",", ranges);
  }

  private static void put(Map<Integer, Map<Long, String>> byWidth, int width, Place place) {
    byWidth.computeIfAbsent(width, _ -> new TreeMap<>()).put(place.number(), place.digits());
  }

  // One that follows is written so only if the width makes the same digits of it.
  private static void addRanges(Map<Long, String> numbers, List<String> ranges) {
    @Nullable String first = null;
    @Nullable String last = null;
    long next = -1;
    for (Map.Entry<Long, String> number : numbers.entrySet()) {
      boolean goesOn =
          first != null
              && number.getKey() == next
              && padded(next, first.charAt(0) == '0' ? first.length() : 0)
                  .equals(number.getValue());
      if (!goesOn) {
        addRange(first, last, ranges);
        first = number.getValue();
      }
      last = number.getValue();
      next = number.getKey() + 1;
    }
    addRange(first, last, ranges);
  }

  private static void addRange(@Nullable String first, @Nullable String last, List<String> ranges) {
    if (first != null && last != null) {
      ranges.add(first.equals(last) ? first : first + "-" + last);
    }
  }
}
