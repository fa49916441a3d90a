package dev.runnel.daemon;

import dev.runnel.cli.Reasons;
import dev.runnel.files.SecretFiles;
import dev.runnel.security.identity.Tokens;
import dev.runnel.server.Authentication;
import dev.runnel.settings.Setting;
import dev.runnel.settings.Settings;
import dev.runnel.settings.SettingsException;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TlsException;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** By what TCP peers are known, and the node to them: the token file, and the files of TLS. */
final class Credentials {
  /** Time enough to get another certificate. */
  private static final Duration SOON = Duration.ofDays(14);

  private final @Nullable Path tokenFile;
  private final @Nullable TlsFiles tlsFiles;
  private final FileWatch.Stamp tokenStamp;
  private final FileWatch.Stamp tlsStamp;
  private final @Nullable ServerTls tls;
  private volatile Tokens tokens;

  private Credentials(Settings settings) throws SettingsException, TlsException {
    tokenFile = settings.find(Setting.TOKENS);
    tlsFiles = settings.tls();
    // Before they are read: else a change in between would be missed.
    tokenStamp = FileWatch.stamp(tokenFile == null ? List.of() : List.of(tokenFile));
    tlsStamp = FileWatch.stamp(all(tlsFiles));
    tls = tlsFiles == null ? null : ServerTls.of(tlsFiles);
    warnIfOutOfDate(tlsFiles);
    warnIfOpen(tlsFiles);
    tokens = tokenFile == null ? Tokens.NONE : read(tokenFile);
  }

  /** Reads the files, which blocks. */
  static Credentials read(Settings settings) throws SettingsException {
    try {
      return new Credentials(settings);
    } catch (TlsException e) {
      throw SettingsException.config("TLS: " + e.getMessage());
    }
  }

  // Clients would refuse it, each for itself, and nothing here would say why.
  private static void warnIfOutOfDate(@Nullable TlsFiles files) throws TlsException {
    String found = files == null ? null : files.outOfDate(Instant.now());
    if (found != null) {
      LoggerFactory.getLogger(Credentials.class).warn("certificate out of date cause={}", found);
      return;
    }
    String soon = files == null ? null : files.expiring(Instant.now(), SOON);
    if (soon != null) {
      LoggerFactory.getLogger(Credentials.class).warn("certificate expires soon cause={}", soon);
    }
  }

  // The token file holds digests only.
  private static void warnIfOpen(@Nullable TlsFiles files) {
    Path key = files == null ? null : files.key();
    if (key != null && SecretFiles.isOpen(key)) {
      LoggerFactory.getLogger(Credentials.class)
          .warn("key can be read by every user of this machine file={}", key);
    }
  }

  private static List<Path> all(@Nullable TlsFiles files) {
    return files == null
        ? List.of()
        : Stream.of(files.cert(), files.key(), files.ca(), files.crl())
            .filter(Objects::nonNull)
            .toList();
  }

  private static Tokens read(Path file) throws SettingsException {
    try {
      return Tokens.parse(Files.readAllLines(file));
    } catch (IOException e) {
      throw SettingsException.config("cannot read " + file + ": " + Reasons.of(e));
    } catch (Tokens.BadTokenFileException e) {
      throw SettingsException.config(file + ": " + e.getMessage());
    }
  }

  /** How TCP peers are known, by what the files say at the time. */
  Authentication access() {
    boolean asked = tokenFile != null || (tlsFiles != null && tlsFiles.ca() != null);
    Authentication access =
        asked ? new Authentication.ByToken(() -> tokens) : new Authentication.Open("anonymous");
    return tls == null ? access : new Authentication.OverTls(tls, access);
  }

  /** Has changed files taken up. */
  void watch(FileWatch watch) {
    Path file = tokenFile;
    if (file != null) {
      watch.add(tokenStamp, () -> tokens = read(file));
    }
    ServerTls served = tls;
    if (served != null) {
      watch.add(
          tlsStamp,
          () -> {
            served.reload();
            warnIfOutOfDate(tlsFiles);
            warnIfOpen(tlsFiles);
          });
    }
  }
}
