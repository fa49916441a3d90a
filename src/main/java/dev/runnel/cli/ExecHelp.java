package dev.runnel.cli;

/** What {@code runnel exec --help} prints. */
final class ExecHelp {
  private static final String BEFORE =
      """
      Usage: runnel exec [OPTION…] [--] CMD [ARG…]
             runnel exec [OPTION…] -c LINE

      Runs a command on HOST and streams its output back while it runs; without a host, on this
      machine. Options end at the first word that is none: what follows is the command's.
      Our stdin is sent to it, unless it is a terminal. Ctrl-C is sent to it, a second one ends it.
      With -t it has a terminal of its own there, and every key, Ctrl-C too, is a byte for it.
      """;

  private static final String AFTER =
      """
      TIME has a unit: 500ms, 30s, 5m, 2h. SIZE is in bytes, or has one: 64K, 1M, 2G.

      Exit code:
        the command's own, or 128+n if signal n ended it
        124       it timed out
        126, 127  it could not be started; 127: there is no such file
        130       Ctrl-C ended it
        141       nobody reads our output any more
        255       anything else: wrong usage, no server, a lost connection, output that is not all
                  there; one line on stderr says which

      Examples:
        runnel exec -- sh -c 'for i in 1 2 3; do echo $i; sleep 1; done; exit 3'
        runnel exec -H build-1 --cwd /src --timeout 30m -- make test
        runnel exec -H build-1 -t -- bash
        tar c . | runnel exec -H build-1 -- tar x -C /src
      """;

  private ExecHelp() {}

  static String text() {
    return Help.of(BEFORE, ExecOptions.SECTIONS, AFTER);
  }
}
