package dev.runnel.security;

import java.util.Locale;
import java.util.Set;

/**
 * Names of environment variables that make a command another one: loaders, shells and interpreters
 * take programs, or the places of programs, from them. Not every one there is; whoever writes a
 * rule names what may be set, and these count only where they are written out.
 */
final class Steering {
  private static final Set<String> NAMES =
      Set.of(
          "PATH",
          "IFS",
          "ENV",
          "SHELL",
          "HOME",
          "PS4",
          "CDPATH",
          "TMPDIR",
          "GCONV_PATH",
          "GETCONF_DIR",
          "GLIBC_TUNABLES",
          "HOSTALIASES",
          "LOCALDOMAIN",
          "LOCPATH",
          "NLSPATH",
          "RESOLV_HOST_CONF",
          "RES_OPTIONS",
          "EDITOR",
          "VISUAL",
          "PAGER",
          "BROWSER",
          "CLASSPATH",
          "JAVA_TOOL_OPTIONS",
          "JDK_JAVA_OPTIONS",
          "_JAVA_OPTIONS",
          "OPENSSL_CONF",
          "OPENSSL_MODULES",
          "OPENSSL_ENGINES",
          "MAKEFLAGS",
          "MAKEFILES",
          "GNUMAKEFLAGS");

  private static final Set<String> PREFIXES =
      Set.of(
          "LD_",
          "DYLD_",
          "MALLOC_",
          "BASH_",
          "SHELLOPTS",
          "BASHOPTS",
          "ZDOTDIR",
          "PYTHON",
          "PERL",
          "RUBY",
          "NODE_",
          "NPM_CONFIG_",
          "LUA_",
          "PHP_",
          "PHPRC",
          "GIT_",
          "SSH_",
          "MAVEN_",
          "GRADLE_",
          "RUNNEL_");

  private Steering() {}

  static boolean has(String name) {
    String upper = name.toUpperCase(Locale.ROOT);
    return NAMES.contains(upper) || PREFIXES.stream().anyMatch(upper::startsWith);
  }
}
