package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.Set;

/** Misspells every key of an object, one at a time, and sees that each makes it unreadable. */
final class KubernetesTypos {
  /** Keys whose values have keys of the author's own choice. */
  private static final Set<String> FREE =
      Set.of("labels", "matchLabels", "data", "requests", "limits");

  private final ObjectNode root;
  private int planted;

  private KubernetesTypos(ObjectNode root) {
    this.root = root;
  }

  /** Returns how many typos there were; the tree is as it was before. */
  static int plant(ObjectNode root) {
    KubernetesTypos typos = new KubernetesTypos(root);
    typos.plantIn(root);
    return typos.planted;
  }

  private void plantIn(JsonNode node) {
    switch (node) {
      case ObjectNode object -> {
        for (String key : object.propertyStream().map(Map.Entry::getKey).toList()) {
          misspell(object, key);
          if (!isFree(key, object.path(key))) {
            plantIn(object.path(key));
          }
        }
      }
      case ArrayNode array -> array.forEach(this::plantIn);
      default -> {}
    }
  }

  private void misspell(ObjectNode object, String key) {
    JsonNode value = object.remove(key);
    object.set(key + "x", value);
    assertThrows(Exception.class, () -> KubernetesObjects.read(root), key + "x");
    object.remove(key + "x");
    object.set(key, value);
    planted++;
  }

  // A service's selector is labels, a deployment's has them.
  private static boolean isFree(String key, JsonNode value) {
    return FREE.contains(key) || (key.equals("selector") && !value.has("matchLabels"));
  }
}
