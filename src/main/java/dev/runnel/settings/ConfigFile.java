package dev.runnel.settings;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.error.MarkedYAMLException;

/**
 * A daemon's settings as its YAML file has them; every key is optional, and one that is not known
 * is an error.
 */
public record ConfigFile(
    @Nullable List<String> listen,
    @JsonProperty("seed_listen") @Nullable String seedListen,
    @Nullable String tokens,
    @Nullable String policy,
    @Nullable String audit,
    @JsonProperty("audit_argv") @Nullable Boolean auditArgv,
    @JsonProperty("audit_optional") @Nullable Boolean auditOptional,
    @JsonProperty("record_dir") @Nullable String recordDir,
    @Nullable String record,
    @Nullable Tls tls,
    @JsonProperty("state_dir") @Nullable String stateDir,
    @JsonProperty("clean_env") @Nullable Boolean cleanEnv,
    @Nullable Boolean dumpable,
    @JsonProperty("penalty_exempt") @Nullable List<String> penaltyExempt,
    @Nullable Boolean insecure,
    @JsonProperty("log_level") @Nullable String logLevel,
    @JsonProperty("shutdown_grace") @Nullable String shutdownGrace,
    @Nullable String watchdog,
    Map<String, Long> limits) {

  /** The files of the TCP listeners' TLS. */
  record Tls(
      @Nullable String cert,
      @Nullable String key,
      @JsonProperty("client_ca") @Nullable String clientCa,
      @JsonProperty("client_crl") @Nullable String clientCrl) {}

  public ConfigFile(
      @Nullable List<String> listen,
      @JsonProperty("seed_listen") @Nullable String seedListen,
      @Nullable String tokens,
      @Nullable String policy,
      @Nullable String audit,
      @JsonProperty("audit_argv") @Nullable Boolean auditArgv,
      @JsonProperty("audit_optional") @Nullable Boolean auditOptional,
      @JsonProperty("record_dir") @Nullable String recordDir,
      @Nullable String record,
      @Nullable Tls tls,
      @JsonProperty("state_dir") @Nullable String stateDir,
      @JsonProperty("clean_env") @Nullable Boolean cleanEnv,
      @Nullable Boolean dumpable,
      @JsonProperty("penalty_exempt") @Nullable List<String> penaltyExempt,
      @Nullable Boolean insecure,
      @JsonProperty("log_level") @Nullable String logLevel,
      @JsonProperty("shutdown_grace") @Nullable String shutdownGrace,
      @Nullable String watchdog,
      @Nullable Map<String, Long> limits) {
    this.listen = listen;
    this.seedListen = seedListen;
    this.tokens = tokens;
    this.policy = policy;
    this.audit = audit;
    this.auditArgv = auditArgv;
    this.auditOptional = auditOptional;
    this.recordDir = recordDir;
    this.record = record;
    this.tls = tls;
    this.stateDir = stateDir;
    this.cleanEnv = cleanEnv;
    this.dumpable = dumpable;
    this.penaltyExempt = penaltyExempt;
    this.insecure = insecure;
    this.logLevel = logLevel;
    this.shutdownGrace = shutdownGrace;
    this.watchdog = watchdog;
    this.limits = limits == null ? Map.of() : limits;
  }

  private static final YAMLMapper MAPPER =
      YAMLMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .build();

  static final ConfigFile NONE =
      new ConfigFile(
          null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
          null, null, null, null);

  static ConfigFile read(Path file) throws SettingsException {
    String text;
    try {
      text = Files.readString(file);
    } catch (IOException e) {
      throw SettingsException.config("cannot read " + file + ": " + reason(e));
    }
    return parse(file, text);
  }

  /** What the file's text says. */
  static ConfigFile parse(Path file, String text) throws SettingsException {
    try {
      ConfigFile read = text.isBlank() ? NONE : MAPPER.readValue(text, ConfigFile.class);
      if (read == null) {
        return NONE;
      }
      read.checkLimits(file, text);
      return read;
    } catch (UnrecognizedPropertyException e) {
      String known =
          e.getKnownPropertyIds().stream()
              .map(Object::toString)
              .sorted()
              .collect(Collectors.joining(", "));
      String key = e.getPropertyName();
      throw at(file, lineOf(text, key), key + ": unknown key (known: " + known + ")");
    } catch (JsonProcessingException e) {
      throw wrong(file, text, e);
    }
  }

  private void checkLimits(Path file, String text) throws SettingsException {
    for (Map.Entry<String, Long> entry : limits().entrySet()) {
      String key = entry.getKey();
      Limit limit = Limit.ofKey(key);
      if (limit == null) {
        throw at(file, lineOf(text, key), "limits." + key + ": unknown key (see --help)");
      }
      if (entry.getValue() == null) {
        throw at(file, lineOf(text, key), "limits." + key + ": (expected: a whole number)");
      }
      try {
        var _ = limit.check(entry.getValue());
      } catch (SettingsException e) {
        throw at(file, lineOf(text, key), "limits." + e.getMessage());
      }
    }
  }

  private static SettingsException wrong(Path file, String text, JsonProcessingException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof MarkedYAMLException syntax && syntax.getProblemMark() != null) {
        return at(file, syntax.getProblemMark().getLine() + 1, syntax.getProblem());
      }
    }
    if (e instanceof MismatchedInputException mismatch) {
      String key = keyOf(mismatch);
      if (key.isEmpty()) {
        return at(file, 1, "not a list of settings (expected: lines such as insecure: true)");
      }
      String value =
          mismatch instanceof InvalidFormatException format ? format.getValue() + " " : "";
      return at(
          file, lineOf(text, key), key + ": " + value + "(expected: " + expected(mismatch) + ")");
    }
    JsonLocation where = e.getLocation();
    return at(file, where == null ? 0 : where.getLineNr(), firstLine(e.getOriginalMessage()));
  }

  private static String keyOf(JsonMappingException e) {
    return e.getPath().stream()
        .map(JsonMappingException.Reference::getFieldName)
        .filter(Objects::nonNull)
        .reduce((_, last) -> last)
        .orElse("");
  }

  private static String expected(MismatchedInputException e) {
    Class<?> type = e.getTargetType();
    if (type == Boolean.class) {
      return "true or false";
    }
    if (type == Long.class) {
      return "a whole number";
    }
    if (type == String.class) {
      return "a string";
    }
    if (type == Tls.class) {
      return "cert, key, client_ca and client_crl";
    }
    return type == Map.class || type == LinkedHashMap.class ? "names and numbers" : "a list";
  }

  // The parser's own idea of the place is that of the value, or of what follows it.
  private static int lineOf(String text, String key) {
    try (JsonParser parser = MAPPER.createParser(text)) {
      while (parser.nextToken() != null) {
        if (parser.currentToken() == JsonToken.FIELD_NAME && key.equals(parser.currentName())) {
          return parser.currentTokenLocation().getLineNr();
        }
      }
    } catch (IOException _) {
      // What is wrong with the file is told already; only the place is not.
    }
    return 0;
  }

  private static SettingsException at(Path file, int line, String what) {
    return SettingsException.config(file + (line > 0 ? ":" + line : "") + ": " + what);
  }

  private static String firstLine(String message) {
    return message.lines().findFirst().orElse("");
  }

  public static String reason(IOException e) {
    return switch (e) {
      case java.nio.file.NoSuchFileException _ -> "no such file";
      case java.nio.file.AccessDeniedException _ -> "permission denied";
      case java.nio.file.FileAlreadyExistsException _ -> "there is a file in its place";
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
