package dev.runnel;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.introspect.Annotated;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.HasMetadata;
import io.fabric8.kubernetes.api.model.Service;
import io.fabric8.kubernetes.api.model.apps.Deployment;
import io.fabric8.kubernetes.api.model.networking.v1.NetworkPolicy;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What kustomize makes of a folder, each object read by its model: a key it lacks is an error. */
record KubernetesObjects(List<ObjectNode> trees) {
  private static final YAMLMapper MAPPER =
      YAMLMapper.builder()
          .annotationIntrospector(new NoUnknownKeys())
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .build();

  /** The models keep what they do not know, each in a map of its own. */
  private static final class NoUnknownKeys extends JacksonAnnotationIntrospector {
    private static final long serialVersionUID = 1;

    @Override
    public Boolean hasAnySetter(Annotated annotated) {
      return false;
    }
  }

  /** Renders a folder with {@code kubectl kustomize}. */
  static KubernetesObjects render(Path folder) throws Exception {
    Process kubectl = new ProcessBuilder("kubectl", "kustomize", folder.toString()).start();
    byte[] rendered = kubectl.getInputStream().readAllBytes();
    String said = new String(kubectl.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    if (kubectl.waitFor() != 0 || !said.isEmpty()) {
      throw new IOException("kubectl kustomize " + folder + ": " + said);
    }
    List<ObjectNode> trees = new ArrayList<>();
    try (var documents = MAPPER.readerFor(ObjectNode.class).<ObjectNode>readValues(rendered)) {
      documents.forEachRemaining(trees::add);
    }
    return new KubernetesObjects(trees);
  }

  /** The only object of this kind. */
  <T extends HasMetadata> T only(Class<T> kind) throws JsonProcessingException {
    List<ObjectNode> found =
        trees.stream().filter(tree -> kindOf(tree).equals(kind.getSimpleName())).toList();
    if (found.size() != 1) {
      throw new AssertionError(kind.getSimpleName() + ": " + found.size() + " (expected: 1)");
    }
    return kind.cast(read(found.getFirst()));
  }

  static String kindOf(JsonNode tree) {
    return tree.path("kind").asText();
  }

  static HasMetadata read(JsonNode tree) throws JsonProcessingException {
    return MAPPER.treeToValue(tree, modelOf(tree));
  }

  private static Class<? extends HasMetadata> modelOf(JsonNode tree) {
    String type = tree.path("apiVersion").asText() + " " + kindOf(tree);
    return switch (type) {
      case "apps/v1 Deployment" -> Deployment.class;
      case "v1 ConfigMap" -> ConfigMap.class;
      case "v1 Service" -> Service.class;
      case "networking.k8s.io/v1 NetworkPolicy" -> NetworkPolicy.class;
      default -> throw new IllegalStateException("no model for " + type);
    };
  }
}
