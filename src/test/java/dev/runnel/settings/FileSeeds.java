package dev.runnel.settings;

import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Consumer;

/** Files to begin with, and what chance makes of them. */
final class FileSeeds {
  private static final String ODD =
      "\0\t\n\r !\"#&'*,-./:<>?@[\\]`{|}~%=0aA\u0085é\u2028\uFEFF\uFFFD\uD83D\uDE00";

  static final List<String> POLICIES =
      List.of(
          """
          groups: {builders: [ci, "ci-*"]}
          rules:
            - name: builds
              principals: ["@builders", "*"]
              commands: [[git, fetch, "*"], [make, "**"]]
              shell: true
              users: [deploy]
              cwd: [/tmp]
              env: [LANG, "APP_*"]
              env_from: {KEY: /run/key}
              leftovers: keep
              timeout_ms: {min: 1, max: 3600000}
              linger_ms: {max: forever}
              limits: {memory_bytes: {max: 1}}
              jobs: 4
              starts_per_minute: 60
              observe: all
              control: own
            - {name: forced, principals: [ops], force: [backup, --all]}
          """,
          "rules: []",
          "rules: &a [*a]",
          "? [a]\n: b",
          "--- !!set {a}\n...\n---\nb",
          "%YAML 1.1\n---\nrules: |\n  text",
          "[".repeat(40));

  static final List<String> SETTINGS =
      List.of(
          """
          listen: ["127.0.0.1:0", "unix:/tmp/s"]
          seed_listen: 127.0.0.1:0
          tokens: tokens
          policy: policy.yaml
          audit: stdout
          audit_argv: true
          insecure: true
          log_level: info
          limits: {max_jobs: 7, keep_ms: 1}
          """,
          "limits: {max_jobs: -1}",
          "limits: {max_jobs: }",
          "insecure: &a true",
          "listen: 5",
          "&a [*a]");

  static final List<String> TOKENS =
      List.of(
          "# comment\n\nci " + "0123456789abcdef".repeat(4) + "\n",
          "ci " + "0123456789abcdef".repeat(4) + " expires=2030-01-01T00:00:00Z\n",
          "ci ci ci\nops short\n",
          "0123456789abcdef".repeat(4));

  private FileSeeds() {}

  /** The seeds, and so many texts that chance has made of them; the same ones in every run. */
  static void play(List<String> seeds, int rounds, Consumer<String> check) {
    seeds.forEach(check);
    SplittableRandom random = new SplittableRandom(20_260_101);
    for (int i = 0; i < rounds; i++) {
      StringBuilder text = new StringBuilder(seeds.get(random.nextInt(seeds.size())));
      for (int change = random.nextInt(1, 6); change > 0; change--) {
        change(text, random);
      }
      check.accept(text.toString());
    }
  }

  private static void change(StringBuilder text, SplittableRandom random) {
    int from = random.nextInt(text.length() + 1);
    int to = Math.min(text.length(), from + random.nextInt(1, 12));
    switch (random.nextInt(4)) {
      case 0 -> text.delete(from, to);
      case 1 -> text.insert(from, ODD.charAt(random.nextInt(ODD.length())));
      case 2 -> text.insert(random.nextInt(text.length() + 1), text.substring(from, to));
      default -> text.replace(from, to, "" + ODD.charAt(random.nextInt(ODD.length())));
    }
  }
}
