package dev.runnel.security.policy;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Variables that make a command another one. */
class DangerousVariablesTest {
  /** What sudo 1.9 removes whatever it is told to keep: initial_badenv_table of its env.c. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "IFS",
        "CDPATH",
        "LOCALDOMAIN",
        "RES_OPTIONS",
        "HOSTALIASES",
        "NLSPATH",
        "PATH_LOCALE",
        "LD_PRELOAD",
        "_RLD_ROOT",
        "SHLIB_PATH",
        "LDR_PRELOAD",
        "LIBPATH",
        "DYLD_INSERT_LIBRARIES",
        "KRB5_CONFIG",
        "KRB5_KTNAME",
        "TERMINFO",
        "TERMINFO_DIRS",
        "TERMPATH",
        "TERMCAP",
        "ENV",
        "BASH_ENV",
        "PS4",
        "GLOBIGNORE",
        "BASHOPTS",
        "SHELLOPTS",
        "JAVA_TOOL_OPTIONS",
        "PERLIO_DEBUG",
        "PERLLIB",
        "PERL5LIB",
        "PERL5OPT",
        "PERL5DB",
        "FPATH",
        "NULLCMD",
        "READNULLCMD",
        "ZDOTDIR",
        "TMPPREFIX",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONINSPECT",
        "PYTHONUSERBASE",
        "RUBYLIB",
        "RUBYOPT",
      })
  void whatSudoRemovesIsAmongThem(String name) {
    assertTrue(DangerousVariables.has(name));
  }

  /** By which common interpreters, build tools and pagers take programs, or places of programs. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "PATH",
        "HOME",
        "TAR_OPTIONS",
        "XDG_CONFIG_HOME",
        "LESSOPEN",
        "LESSCLOSE",
        "LESS",
        "PAGER",
        "MANPAGER",
        "SYSTEMD_PAGER",
        "EDITOR",
        "GIT_SSH_COMMAND",
        "KUBECONFIG",
        "GOFLAGS",
        "RUSTC_WRAPPER",
        "CARGO_BUILD_RUSTC",
        "RSYNC_RSH",
        "DOTNET_STARTUP_HOOKS",
        "CORECLR_PROFILER_PATH",
        "PSQLRC",
        "NODE_OPTIONS",
        "npm_config_script_shell",
        "PYTHONSTARTUP",
        "PHP_INI_SCAN_DIR",
        "PHPRC",
        "LUA_INIT",
        "R_PROFILE",
        "JULIA_LOAD_PATH",
        "TCLLIBPATH",
        "ERL_FLAGS",
        "CLASSPATH",
        "MAVEN_OPTS",
        "GRADLE_OPTS",
        "ANT_OPTS",
        "MAKEFLAGS",
        "CC",
        "CMAKE_TOOLCHAIN_FILE",
        "DOCKER_HOST",
        "AWS_CONFIG_FILE",
        "GNUPGHOME",
        "INPUTRC",
        "PROMPT_COMMAND",
        "VIMINIT",
        "ANSIBLE_CONFIG",
        "PIP_INDEX_URL",
        "OPENSSL_CONF",
      })
  void whatInterpretersReadIsAmongThem(String name) {
    assertTrue(DangerousVariables.has(name));
  }

  @ParameterizedTest
  @ValueSource(strings = {"LANG", "LC_ALL", "TZ", "TERM", "CI", "APP_MODE", "BUILD_NUMBER", "GOAL"})
  void whatProgramsAreToldIsNot(String name) {
    assertFalse(DangerousVariables.has(name));
  }
}
