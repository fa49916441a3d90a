package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What {@code -o} sets, by ssh_config(5): the first value of a key counts, and names are of any
 * case. A key that it does not have is refused, as ssh does.
 */
final class SshSettings {
  /** Those of ssh_config(5) that ask for what is not here, unless they say no or none. */
  private static final Set<String> REFUSED =
      Set.of("dynamicforward", "localforward", "proxycommand", "remoteforward", "tunnel");

  private static final Set<String> KNOWN =
      Set.of(
          ("addkeystoagent addressfamily batchmode bindaddress bindinterface canonicaldomains"
                  + " canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots"
                  + " canonicalizepermittedcnames casignaturealgorithms certificatefile"
                  + " challengeresponseauthentication channeltimeout checkhostip cipher ciphers"
                  + " clearallforwardings compression compressionlevel connectionattempts"
                  + " connecttimeout controlmaster controlpath controlpersist dsaauthentication"
                  + " dynamicforward enableescapecommandline enablesshkeysign escapechar"
                  + " exitonforwardfailure fingerprinthash forkafterauthentication forwardagent"
                  + " forwardx11 forwardx11timeout forwardx11trusted gatewayports globalknownhostsfile"
                  + " gssapiauthentication gssapidelegatecredentials gssapikeyexchange"
                  + " hashknownhosts hostbasedacceptedalgorithms hostbasedauthentication"
                  + " hostbasedkeytypes hostkeyalgorithms hostkeyalias hostname identitiesonly"
                  + " identityagent identityfile ignoreunknown include ipqos kbdinteractiveauthentication"
                  + " kbdinteractivedevices kexalgorithms knownhostscommand localcommand localforward"
                  + " loglevel logverbose macs nohostauthenticationforlocalhost"
                  + " numberofpasswordprompts obscurekeystroketiming passwordauthentication"
                  + " permitlocalcommand permitremoteopen pkcs11provider port"
                  + " preferredauthentications protocol proxycommand proxyjump proxyusefdpass"
                  + " pubkeyacceptedalgorithms pubkeyacceptedkeytypes pubkeyauthentication rekeylimit"
                  + " remotecommand remoteforward requesttty requiredrsasize revokedhostkeys"
                  + " rhostsrsaauthentication rsaauthentication securitykeyprovider sendenv"
                  + " serveralivecountmax serveraliveinterval sessiontype setenv stdinnull"
                  + " streamlocalbindmask streamlocalbindunlink stricthostkeychecking syslogfacility"
                  + " tag tcpkeepalive tunnel tunneldevice updatehostkeys useprivilegedport user"
                  + " userknownhostsfile verifyhostkeydns versionaddendum visualhostkey"
                  + " xauthlocation")
              .split(" "));

  private static final Pattern NAME = Pattern.compile("[A-Za-z_][A-Za-z0-9_]*");

  private final Map<String, String> first = new HashMap<>();
  private final List<String> sent = new ArrayList<>();
  private final List<String> set = new ArrayList<>();

  /** Takes {@code KEY=VALUE} or {@code KEY VALUE}. */
  void take(String text) throws Failure {
    String line = text.strip();
    int end = 0;
    while (end < line.length() && line.charAt(end) != '=' && !isBlank(line.charAt(end))) {
      end++;
    }
    String key = line.substring(0, end).toLowerCase(Locale.ROOT);
    String value = line.substring(end).strip();
    value = value.startsWith("=") ? value.substring(1).strip() : value;
    if (!KNOWN.contains(key)) {
      throw Failure.usage("-o: " + text + " (expected: a key of ssh_config(5))");
    }
    if (value.isEmpty()) {
      throw Failure.usage("-o: " + text + " (expected: KEY=VALUE)");
    }
    switch (key) {
      case "sendenv" -> sent.addAll(List.of(value.split("\\s+")));
      case "setenv" -> set.addAll(split(value));
      default -> first.putIfAbsent(key, unquoted(value));
    }
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t';
  }

  private static String unquoted(String value) {
    boolean quoted = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"");
    return quoted ? value.substring(1, value.length() - 1) : value;
  }

  // Words, which may be quoted as a whole or in part.
  private static List<String> split(String value) {
    List<String> words = new ArrayList<>();
    StringBuilder word = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"') {
        quoted = !quoted;
      } else if (!quoted && isBlank(c)) {
        words.add(word.toString());
        word.setLength(0);
      } else {
        word.append(c);
      }
    }
    words.add(word.toString());
    words.removeIf(String::isEmpty);
    return words;
  }

  /** The value of a key, which is in small letters; null: it was not given. */
  @Nullable String first(String key) {
    return first.get(key);
  }

  boolean is(String key, String value) {
    return value.equalsIgnoreCase(first.get(key));
  }

  void refuseWhatThereIsNot() throws Failure {
    for (String key : REFUSED) {
      String value = first.get(key);
      if (value != null && !value.equalsIgnoreCase("none") && !value.equalsIgnoreCase("no")) {
        throw Failure.of("-o: " + key + "=" + value + ": there is nothing of the kind here");
      }
    }
  }

  /** What runs where no command is given; empty: a shell. */
  List<Argument> remoteCommand() {
    String command = first.get("remotecommand");
    return command == null || command.equalsIgnoreCase("none")
        ? List.of()
        : List.of(Argument.of(command));
  }

  /**
   * Assignments for a shell, each ending in a blank: of what SendEnv names of ours, and of SetEnv.
   * In the line and not in the request, since a server that refuses a variable is to run the line.
   */
  List<String> exports(Map<String, String> ours) throws Failure {
    List<String> exports = new ArrayList<>();
    for (String pattern : sent) {
      String regex = "\\Q" + pattern.replace("*", "\\E.*\\Q").replace("?", "\\E.\\Q") + "\\E";
      ours.forEach(
          (name, value) -> {
            if (NAME.matcher(name).matches() && name.matches(regex)) {
              exports.add(export(name, value));
            }
          });
    }
    for (String entry : set) {
      int equals = entry.indexOf('=');
      if (equals < 0 || !NAME.matcher(entry.substring(0, equals)).matches()) {
        throw Failure.usage("-o: SetEnv " + entry + " (expected: NAME=VALUE)");
      }
      exports.add(export(entry.substring(0, equals), entry.substring(equals + 1)));
    }
    return exports;
  }

  private static String export(String name, String value) {
    byte[] quoted = quoted(value.getBytes(StandardCharsets.UTF_8));
    return "export " + name + "=" + new String(quoted, StandardCharsets.UTF_8) + "; ";
  }

  /** One word of a shell's, whatever is in it. */
  static byte[] quoted(byte[] text) {
    ByteArrayOutputStream quoted = new ByteArrayOutputStream();
    quoted.write('\'');
    for (byte b : text) {
      if (b == '\'') {
        quoted.writeBytes("'\\''".getBytes(StandardCharsets.US_ASCII));
      } else {
        quoted.write(b);
      }
    }
    quoted.write('\'');
    return quoted.toByteArray();
  }
}
