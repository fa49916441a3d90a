package dev.runnel.cli;

/** What {@code --help} prints. */
final class Help {
  private Help() {}

  static String exec() {
    return "Usage: runnel exec [OPTION…] CMD [ARG…]\n";
  }
}
