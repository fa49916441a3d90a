package dev.runnel.settings;

/** What {@code runnel serve --help} prints. */
public final class ServeHelp {
  private ServeHelp() {}

  public static String text() {
    StringBuilder text = new StringBuilder(HEAD);
    for (Limit limit : Limit.values()) {
      text.append("  ").append(pad(limit.key(), 32)).append(pad("" + limit.fallback(), 12));
      text.append(limit.meaning()).append('\n');
    }
    return text.append(TAIL).toString();
  }

  private static String pad(String text, int width) {
    return text + " ".repeat(Math.max(1, width - text.length()));
  }

  private static final String HEAD =
      """
      usage: runnel serve [OPTION…]     (runneld is the same)

      Runs commands here for clients that connect. Prints "listening on …" for each listener,
      logs to stderr, and ends on SIGTERM or Ctrl-C: it refuses new jobs, waits for running
      ones, and ends the rest. Each further signal skips one of these waits. Tokens, certificates
      and the policy are read again a few seconds after their files change; on SIGHUP at once,
      and the log reports the result for each file.

      options:
        --listen WHERE      HOST:PORT, [V6]:PORT (port 0: a free one) or unix:PATH;
                            repeatable; default: a Unix socket in your runtime folder
        --seed-listen WHERE a loopback HOST:PORT for clients of the original Python
                            example; needs --insecure (see PROTOCOL.md)
        --tokens FILE       tokens that TCP clients need; lines of NAME SHA256,
                            as runnel token new prints them
        --policy FILE       YAML that says who may run what; read again when it changes
                            (see docs/guide/servers-and-security.md)
        --audit WHERE       a JSON line for each start, denial, signal and end, to a file
                            or stdout; a command that cannot be recorded is not started
        --audit-argv        arguments too, not only their digest
        --audit-optional    start commands even if they cannot be recorded
        --record-dir FOLDER records what jobs print there, as asciicast files for runnel play
        --record WHICH      terminals (default), all or none; a rule may say otherwise
        --state-dir FOLDER  where output of jobs that spool goes, to be read after a restart
                            too; none: nowhere; default: $XDG_STATE_HOME/runnel, else
                            /var/lib/runnel as root, else ~/.local/state/runnel
        --tls-cert FILE     PEM: TCP listeners speak TLS with this certificate, followed by
                            those between it and its root,
        --tls-key FILE      PEM: and with this key of its
        --tls-client-ca FILE
                            PEM: lets in clients with a certificate of this CA's
        --tls-client-crl FILE
                            PEM: revocation lists of that CA and of those below it; a
                            certificate that no list in force covers is refused
        --clean-env         commands have PATH, LANG, LC_*, TZ, HOME, USER, LOGNAME and
                            SHELL of the daemon's environment, and no more; those of
                            another user always begin so, with that user's last four
        --dumpable          lets processes of the daemon's user look into its memory, where
                            tokens and keys are: debuggers, jcmd, core dumps
        --penalty-exempt NETWORK
                            failed logins from there are not counted, such as
                            10.0.0.0/8; repeatable
        --insecure          lets TCP clients in without tokens, or tokens cross the network
                            in clear
        --config FILE       YAML with the keys listen, seed_listen, tokens, policy,
                            tls (cert, key, client_ca, client_crl), audit, audit_argv,
                            audit_optional, record_dir, record, state_dir, clean_env,
                            dumpable, penalty_exempt, insecure, log_level, shutdown_grace,
                            watchdog, limits
        --log-level LEVEL   error, warn, info (default) or debug
        --shutdown-grace D  how long jobs may go on once it is to end: 30s; default: 10s
        --watchdog WHEN     on, off or auto (default): whether a small process ends the
                            jobs if this one is killed; auto: unless systemd or the pid
                            namespace is known to
        --limit NAME=VALUE  sets a limit; repeatable
        --help              this text

      Each but --limit is also read from the environment (RUNNEL_LISTEN, RUNNEL_SEED_LISTEN,
      RUNNEL_TOKENS, RUNNEL_POLICY, RUNNEL_TLS_CERT, RUNNEL_TLS_KEY, RUNNEL_TLS_CLIENT_CA,
      RUNNEL_TLS_CLIENT_CRL,
      RUNNEL_AUDIT, RUNNEL_AUDIT_ARGV, RUNNEL_AUDIT_OPTIONAL, RUNNEL_INSECURE, RUNNEL_CONFIG,
      RUNNEL_RECORD_DIR, RUNNEL_RECORD, RUNNEL_STATE_DIR, RUNNEL_CLEAN_ENV, RUNNEL_DUMPABLE,
      RUNNEL_PENALTY_EXEMPT,
      RUNNEL_LOG_LEVEL, RUNNEL_SHUTDOWN_GRACE, RUNNEL_WATCHDOG); the command line wins, then the environment,
      then the file.

      limits, and their defaults:
      """;

  private static final String TAIL =
      """

      exit code: 0 ended by a signal, 1 could not start, 2 wrong usage

      example:
        runnel token new ci --out ci.secret --tokens tokens
        runnel serve --listen 127.0.0.1:7866 --tokens tokens
      """;
}
