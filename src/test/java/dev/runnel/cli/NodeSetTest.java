package dev.runnel.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.NullMarked;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Names of nodes in short, and back. */
@NullMarked
class NodeSetTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "web1                 | web1",
        "a,b                  | a b",
        "a, a                 | a",
        "web[1-3,7]           | web1 web2 web3 web7",
        "web[1-3,07-12]       | web1 web2 web3 web07 web08 web09 web10 web11 web12",
        "web[08-10].eu:7866   | web08.eu:7866 web09.eu:7866 web10.eu:7866",
        "web[98-101]          | web98 web99 web100 web101",
        "r[1-2]n[1-2]         | r1n1 r1n2 r2n1 r2n2",
        "web[1-2],db[1,1]     | web1 web2 db1",
        "[::1]:7866           | [::1]:7866",
        "[::1]:[7866-7867]    | [::1]:7866 [::1]:7867",
      })
  void expands(String text, String names) {
    assertEquals(List.of(names.split(" ", -1)), NodeSet.expand(text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a,",
        ",a",
        "web[",
        "web[1-",
        "web[3-1]",
        "web[]",
        "web[1-2-3]",
        "web[-1]",
        "web[1,]",
        "web[1-99999999]",
        "a[1-1000]b[1-1000]",
        "web[1-9999999999999999999]"
      })
  void refusesWhatIsNone(String text) {
    assertThrows(IllegalArgumentException.class, () -> NodeSet.expand(text));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "web1                       | web1",
        "web1 web2 web3 web7        | web[1-3,7]",
        "web3 web1 web2             | web[1-3]",
        "web07 web08 web09 web10    | web[07-10]",
        "web9 web10 web11           | web[9-11]",
        "web1 web2 db1 x db2        | web[1-2],db[1-2],x",
        "web1:7866 web2:7866        | web[1-2]:7866",
        "10.0.0.1:7001 10.0.0.1:7002 | 10.0.0.1:[7001-7002]",
        "a b c                      | a,b,c",
      })
  void folds(String names, String text) {
    assertEquals(text, NodeSet.fold(List.of(names.split(" ", -1))));
  }

  @Test
  void whatIsFoldedExpandsToTheSame() {
    Random random = new Random(7);
    for (int round = 0; round < 3_000; round++) {
      Set<String> names = new LinkedHashSet<>();
      int count = 1 + random.nextInt(12);
      for (int i = 0; i < count; i++) {
        names.add(name(random));
      }
      String text = NodeSet.fold(new ArrayList<>(names));
      assertEquals(names, Set.copyOf(NodeSet.expand(text)), text);
    }
  }

  private static String name(Random random) {
    List<String> parts = List.of("web", "-", "db", ".eu", "0", "00", "7", "x");
    StringBuilder name = new StringBuilder("n");
    int count = random.nextInt(4);
    for (int i = 0; i < count; i++) {
      name.append(parts.get(random.nextInt(parts.size())));
      name.append(random.nextBoolean() ? "" : "" + random.nextInt(120));
    }
    return name.toString();
  }
}
