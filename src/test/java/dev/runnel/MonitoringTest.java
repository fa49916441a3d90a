package dev.runnel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What {@code k8s/monitoring} has Prometheus and Grafana do. */
class MonitoringTest {
  private static final Path FOLDER = Path.of("k8s", "monitoring");

  /** Each fires when it should and not before; the times are those of the rules. */
  private static final String TRIALS =
      """
      rule_files: [rules.yaml]
      evaluation_interval: 1m
      tests:
        - interval: 1m
          input_series:
            - series: 'up{job="ns/runnel", instance="down"}'
              values: '1 1 0 0 0 0 0'
            - series: 'up{job="ns/runnel", instance="up"}'
              values: '1x6'
          alert_rule_test:
            - {eval_time: 3m, alertname: RunnelDown}
            - eval_time: 5m
              alertname: RunnelDown
              exp_alerts:
                - exp_labels: {job: ns/runnel, instance: down, severity: critical}
                  exp_annotations: {summary: "down does not answer"}
        - interval: 1m
          input_series:
            - series: 'runnel_job_places{instance="full"}'
              values: '90 95x10'
            - series: 'runnel_job_places_limit{instance="full"}'
              values: '100x11'
          alert_rule_test:
            - {eval_time: 5m, alertname: RunnelPlacesShort}
            - eval_time: 7m
              alertname: RunnelPlacesShort
              exp_alerts:
                - exp_labels: {instance: full, severity: warning}
                  exp_annotations:
                    summary: "full: 95% of the places for jobs are taken (max_jobs)"
        - interval: 1m
          input_series:
            - series: 'runnel_jobs_ended_total{instance="a", outcome="lost"}'
              values: '0x5 1x5'
            - series: 'runnel_jobs_ended_total{instance="a", outcome="exited"}'
              values: '0+100x10'
          alert_rule_test:
            - {eval_time: 5m, alertname: RunnelJobsLost}
            - eval_time: 7m
              alertname: RunnelJobsLost
              exp_alerts:
                - exp_labels: {instance: a, outcome: lost, severity: critical}
                  exp_annotations: {summary: "a: jobs were lost"}
      """;

  /** The metrics that rules and panels ask for. */
  static Set<String> asked() throws Exception {
    Pattern name = Pattern.compile("\\b(?:runnel|jvm|process)_[a-z_]+");
    Set<String> asked = new TreeSet<>();
    for (String file : List.of("rules.yaml", "dashboard.json")) {
      String text = Files.readString(FOLDER.resolve(file));
      name.matcher(text).results().map(MatchResult::group).forEach(asked::add);
    }
    return asked;
  }

  @Test
  void liesOverTheBaseWithoutTouchingIt(@TempDir Path folder) throws Exception {
    Tool.require("kubectl", "MonitoringTest.liesOverTheBaseWithoutTouchingIt");
    Path inside = Files.createTempDirectory(Path.of("target"), "overlay");
    try {
      String over = "resources: [../../k8s/base]\ncomponents: [../../k8s/monitoring]\n";
      Files.writeString(inside.resolve("kustomization.yaml"), over);
      List<ObjectNode> trees = new ArrayList<>(KubernetesObjects.render(inside).trees());
      trees.removeAll(KubernetesObjects.render(Path.of("k8s", "base")).trees());
      assertEquals(
          List.of("ConfigMap", "NetworkPolicy", "PodMonitor", "PrometheusRule"),
          trees.stream().map(KubernetesObjects::kindOf).sorted().toList());
      for (ObjectNode tree : trees) {
        // Of the operator's kinds there is no model to be had.
        if (!tree.path("apiVersion").asText().startsWith("monitoring.coreos.com")) {
          assertNotNull(KubernetesObjects.read(tree));
        }
      }
    } finally {
      Files.delete(inside.resolve("kustomization.yaml"));
      Files.delete(inside);
    }
  }

  @Test
  void rulesAreGoodAndFireWhenTheyShould(@TempDir Path folder) throws Exception {
    Tool.require("promtool", "MonitoringTest.rulesAreGoodAndFireWhenTheyShould");
    YAMLMapper yaml = new YAMLMapper();
    JsonNode rules = yaml.readTree(FOLDER.resolve("rules.yaml").toFile()).path("spec");
    yaml.writeValue(folder.resolve("rules.yaml").toFile(), rules);
    Files.writeString(folder.resolve("trials.yaml"), TRIALS);
    promtool(folder, "check", "rules", "rules.yaml");
    promtool(folder, "test", "rules", "trials.yaml");
  }

  private static void promtool(Path folder, String... words) throws Exception {
    List<String> command = new ArrayList<>(List.of("promtool"));
    command.addAll(List.of(words));
    Process process =
        new ProcessBuilder(command).directory(folder.toFile()).redirectErrorStream(true).start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), said);
  }

  @Test
  void dashboardHasAPanelForEachQuestion() throws Exception {
    JsonNode board = new ObjectMapper().readTree(FOLDER.resolve("dashboard.json").toFile());
    Set<Integer> ids = new TreeSet<>();
    for (JsonNode panel : board.path("panels")) {
      assertTrue(ids.add(panel.path("id").asInt()), panel.toString());
      assertTrue(!panel.path("title").asText().isEmpty(), panel.toString());
      assertTrue(!panel.path("targets").isEmpty(), panel.toString());
    }
    assertEquals(12, ids.size());
  }
}
