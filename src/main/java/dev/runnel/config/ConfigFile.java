package dev.runnel.config;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * A daemon's settings as its YAML file has them; every key is optional, and one that is not known
 * is an error.
 */
record ConfigFile(
    @Nullable List<String> listen,
    @Nullable String tokens,
    @Nullable Boolean insecure,
    @JsonProperty("log_level") @Nullable String logLevel,
    @Nullable Map<String, Long> limits) {

  private static final YAMLMapper MAPPER =
      YAMLMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  static final ConfigFile NONE = new ConfigFile(null, null, null, null, null);

  static ConfigFile read(Path file) throws SettingsException {
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw SettingsException.config("cannot read " + file + ": " + reason(e));
    }
    try {
      ConfigFile read = text.isBlank() ? NONE : MAPPER.readValue(text, ConfigFile.class);
      return read == null ? NONE : read;
    } catch (UnrecognizedPropertyException e) {
      String known =
          e.getKnownPropertyIds().stream().map(Object::toString).collect(Collectors.joining(", "));
      throw at(file, e, e.getPropertyName() + ": unknown key (known: " + known + ")");
    } catch (JsonMappingException e) {
      String path =
          e.getPath().stream()
              .map(step -> step.getFieldName() == null ? "" : step.getFieldName())
              .collect(Collectors.joining("."));
      throw at(file, e, (path.isEmpty() ? "" : path + ": ") + e.getOriginalMessage());
    } catch (JsonProcessingException e) {
      throw at(file, e, e.getOriginalMessage());
    }
  }

  private static SettingsException at(Path file, JsonProcessingException e, String what) {
    JsonLocation where = e.getLocation();
    String line = where == null ? "" : ":" + where.getLineNr();
    return SettingsException.config(file + line + ": " + what.lines().findFirst().orElse(""));
  }

  static String reason(IOException e) {
    return switch (e) {
      case java.nio.file.NoSuchFileException _ -> "no such file";
      case java.nio.file.AccessDeniedException _ -> "permission denied";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
