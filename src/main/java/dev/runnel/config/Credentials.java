package dev.runnel.config;

import dev.runnel.security.Tokens;
import dev.runnel.server.Access;
import dev.runnel.tls.ServerTls;
import dev.runnel.tls.TlsException;
import dev.runnel.tls.TlsFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** By what TCP peers are known, and the node to them: the token file, and the files of TLS. */
final class Credentials {
  private final @Nullable Path tokenFile;
  private final @Nullable TlsFiles tlsFiles;
  private final @Nullable ServerTls tls;
  private volatile Tokens tokens;

  private Credentials(
      @Nullable Path tokenFile,
      @Nullable TlsFiles tlsFiles,
      @Nullable ServerTls tls,
      Tokens tokens) {
    this.tokenFile = tokenFile;
    this.tlsFiles = tlsFiles;
    this.tls = tls;
    this.tokens = tokens;
  }

  /** Reads the files, which blocks. */
  static Credentials read(Settings settings) throws SettingsException {
    Path tokenFile = settings.tokens();
    TlsFiles tlsFiles = settings.tls();
    try {
      return new Credentials(
          tokenFile,
          tlsFiles,
          tlsFiles == null ? null : ServerTls.of(tlsFiles),
          tokenFile == null ? Tokens.NONE : read(tokenFile));
    } catch (TlsException e) {
      throw SettingsException.config("TLS: " + e.getMessage());
    }
  }

  private static Tokens read(Path file) throws SettingsException {
    try {
      return Tokens.parse(Files.readAllLines(file));
    } catch (IOException e) {
      throw SettingsException.config("cannot read " + file + ": " + ConfigFile.reason(e));
    } catch (Tokens.BadTokenFileException e) {
      throw SettingsException.config(file + ": " + e.getMessage());
    }
  }

  /** How TCP peers are known, by what the files say at the time. */
  Access access() {
    boolean asked = tokenFile != null || (tlsFiles != null && tlsFiles.ca() != null);
    Access access = asked ? new Access.ByToken(() -> tokens) : new Access.Open("anonymous");
    return tls == null ? access : new Access.OverTls(tls, access);
  }

  /** Has changed files taken up. */
  void watch(FileWatch watch) {
    Path file = tokenFile;
    if (file != null) {
      watch.add(List.of(file), () -> tokens = read(file));
    }
    ServerTls served = tls;
    TlsFiles files = tlsFiles;
    if (served != null && files != null) {
      List<Path> all =
          Stream.of(files.cert(), files.key(), files.ca()).filter(Objects::nonNull).toList();
      watch.add(all, served::reload);
    }
  }
}
