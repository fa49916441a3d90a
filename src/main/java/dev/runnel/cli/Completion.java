package dev.runnel.cli;

import dev.runnel.model.Argument;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** {@code runnel completion}: scripts by which shells complete verbs, options and their values. */
final class Completion {
  private static final List<String> SHELLS = List.of("bash", "zsh", "fish");

  /** What the scripts ask runnel itself for. */
  private static final String NAMED_HOSTS = "@hosts@";

  private static final String KNOWN_JOBS = "@jobs@";
  private static final String BEFORE =
      """
      Usage: runnel completion bash|zsh|fish

      Prints what a shell needs to complete runnel's verbs and options, and runneld's, named hosts and
      the names of jobs.
      """;
  private static final String AFTER =
      """
      Exit code: 0; 2 wrong usage.

      Examples:
        source <(runnel completion bash)        in ~/.bashrc
        source <(runnel completion zsh)         in ~/.zshrc, after compinit
        runnel completion fish | source         in ~/.config/fish/config.fish
      """;

  private Completion() {}

  static VerbDefinition definition(Function<Verb, @Nullable VerbDefinition> definitions) {
    return new VerbDefinition(
        BEFORE,
        List.of(),
        AFTER,
        (context, arguments) -> {
          List<Argument> shell = arguments.expectOperands("SHELL (bash, zsh or fish)");
          context.out().print(script(shell.getFirst().toString(), definitions));
          return 0;
        });
  }

  private static String script(String shell, Function<Verb, @Nullable VerbDefinition> definitions)
      throws Failure {
    return switch (shell) {
      case "bash" -> words(BASH, definitions);
      case "zsh" -> words(ZSH, definitions);
      case "fish" -> fish(definitions);
      default -> throw Failure.usage("SHELL: " + shell + " (expected: bash, zsh or fish)");
    };
  }

  private static List<Option> options(
      Verb verb, Function<Verb, @Nullable VerbDefinition> definitions) {
    VerbDefinition definition = definitions.apply(verb);
    List<Option> options =
        new ArrayList<>(definition == null ? List.of(VerbDefinition.HELP) : definition.options());
    options.removeIf(option -> !option.isShown());
    return options;
  }

  /** Words that may follow an option, or a verb; empty: a file's name, or anything. */
  private static List<String> choices(@Nullable String value) {
    return value == null || value.indexOf('|') < 0 || !value.matches("[a-z|]+")
        ? List.of()
        : List.of(value.split("[|]"));
  }

  private static List<String> operands(Verb verb) {
    return switch (verb) {
      case HELP -> Verb.words();
      case COMPLETION -> SHELLS;
      case STATUS, LOGS, ATTACH, WAIT, CANCEL, RM, SIGNAL -> List.of(KNOWN_JOBS);
      case SSH -> List.of(NAMED_HOSTS);
      default -> List.of();
    };
  }

  private static final String BASH =
      """
      _runnel() {
        local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} words
        [ "${COMP_WORDS[0]##*/}" != runneld ] || verb=serve
        if [ "$verb" != serve ] && [ "$COMP_CWORD" -eq 1 ]; then
          words='%s'
        else
          case $verb,$prev in
      %s      *) return ;;
          esac
        fi
        case $words in
          *@hosts@*) words=${words/@hosts@/$(runnel hosts -q 2>/dev/null || :)} ;;
          *@jobs@*)
            local i host=
            for ((i = 2; i < COMP_CWORD; i++)); do
              case ${COMP_WORDS[i]} in -H | --host) host=${COMP_WORDS[i + 1]} ;; esac
            done
            words=${words/@jobs@/$(runnel jobs -q -a ${host:+-H "$host"} 2>/dev/null || :)}
            ;;
        esac
        COMPREPLY=($(compgen -W "$words" -- "$cur"))
      }
      complete -o default -F _runnel runnel runneld
      """;

  private static final String ZSH = "autoload -U +X bashcompinit && bashcompinit\n" + BASH;

  private static String words(String script, Function<Verb, @Nullable VerbDefinition> definitions) {
    StringBuilder cases = new StringBuilder();
    for (Verb verb : Verb.values()) {
      List<String> all = new ArrayList<>(operands(verb));
      List<String> withValues = new ArrayList<>();
      for (Option option : options(verb, definitions)) {
        all.add(option.name());
        List<String> choices = choices(option.value());
        if (!choices.isEmpty()) {
          add(cases, verb, List.of(option.name()), choices);
        } else if (option.equals(ConnectionOptions.HOST)) {
          add(cases, verb, List.of("-H", option.name()), List.of(NAMED_HOSTS));
        } else if (option.takesValue()) {
          withValues.add(option.name());
          if (option.letter() != null) {
            withValues.add(option.letter());
          }
        }
      }
      add(cases, verb, withValues, List.of());
      add(cases, verb, List.of("*"), all);
    }
    return script.formatted(String.join(" ", Verb.words()), cases);
  }

  private static void add(
      StringBuilder cases, Verb verb, List<String> previous, List<String> words) {
    if (!previous.isEmpty()) {
      String patterns = verb.word() + "," + String.join(" | " + verb.word() + ",", previous);
      cases.append("      %s) words='%s' ;;\n".formatted(patterns, String.join(" ", words)));
    }
  }

  private static String fish(Function<Verb, @Nullable VerbDefinition> definitions) {
    UnaryOperator<String> quoted =
        text -> "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
    StringBuilder script = new StringBuilder();
    for (Verb verb : Verb.values()) {
      script.append(
          "complete -c runnel -n __fish_use_subcommand -f -a %s -d %s\n"
              .formatted(verb.word(), quoted.apply(verb.summary())));
      String seen =
          "complete -c runnel -n '__fish_seen_subcommand_from %s' ".formatted(verb.word());
      if (!operands(verb).isEmpty()) {
        String words =
            String.join(" ", operands(verb))
                .replace(NAMED_HOSTS, "(runnel hosts -q 2>/dev/null)")
                .replace(KNOWN_JOBS, "(runnel jobs -q -a 2>/dev/null)");
        script.append(seen).append("-f -a '%s'\n".formatted(words));
      }
      for (Option option : options(verb, definitions)) {
        String own =
            fish(option) + " -d " + quoted.apply(option.help().lines().findFirst().orElse(""));
        script.append(seen).append(own).append('\n');
        if (verb == Verb.SERVE) {
          script.append("complete -c runneld ").append(own).append('\n');
        }
      }
    }
    return script.toString();
  }

  // A short form of two letters is none that fish knows.
  private static String fish(Option option) {
    String letter = option.letter();
    List<String> choices = choices(option.value());
    return "-l "
        + option.name().substring(2)
        + (letter == null || letter.length() != 2 ? "" : " -s " + letter.charAt(1))
        + (option.takesValue() ? " -r" : "")
        + (option.equals(ConnectionOptions.HOST) ? " -f -a '(runnel hosts -q 2>/dev/null)'" : "")
        + (choices.isEmpty() ? "" : " -f -a '" + String.join(" ", choices) + "'");
  }
}
