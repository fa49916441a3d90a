package dev.runnel.cluster;

import com.hazelcast.config.AdvancedNetworkConfig;
import com.hazelcast.config.ClassFilter;
import com.hazelcast.config.Config;
import com.hazelcast.config.InMemoryFormat;
import com.hazelcast.config.JavaSerializationFilterConfig;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.config.MapConfig;
import com.hazelcast.config.MergePolicyConfig;
import com.hazelcast.config.ServerSocketEndpointConfig;
import com.hazelcast.config.TopicConfig;
import com.hazelcast.instance.EndpointQualifier;
import com.hazelcast.spi.MemberAddressProvider;
import com.hazelcast.spi.merge.PutIfAbsentMergePolicy;
import com.hazelcast.spi.properties.ClusterProperty;
import com.hazelcast.spi.properties.HazelcastProperty;
import dev.runnel.server.ListenAddress;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;

/**
 * Hazelcast as a node has it: on one address, found by the list that it was given and in no other
 * way, without what only its own clients and tools would use. No file and no variable of its own is
 * read. SECURITY.md, "Nodes among themselves".
 */
final class HazelcastSettings {
  /** The attribute of a member that says which node it is. */
  static final String ATTRIBUTE = "runnel";

  static final String LOADS = "runnel.loads";
  static final String NAMES = "runnel.names";

  /** What takes longer went to a member that is about to be lost, and is asked again. */
  private static final Duration CALL = Duration.ofSeconds(3);

  /** What takes longer waits for one that takes connections and does not answer. */
  static final Duration JOIN = Duration.ofSeconds(60);

  private HazelcastSettings() {}

  /** Where it binds, and what it tells the others: the address as it was given, and no other. */
  private record OneAddress(ListenAddress.Tcp listen) implements MemberAddressProvider {
    @Override
    public InetSocketAddress getBindAddress() {
      return new InetSocketAddress(InetAddress.ofLiteral(listen.host()), listen.port());
    }

    @Override
    public InetSocketAddress getBindAddress(EndpointQualifier qualifier) {
      return getBindAddress();
    }

    @Override
    public InetSocketAddress getPublicAddress() {
      return getBindAddress();
    }

    @Override
    public InetSocketAddress getPublicAddress(EndpointQualifier qualifier) {
      return getBindAddress();
    }
  }

  static Config of(ClusterOptions options, MemberCodec.Identity identity) {
    Config config = new Config();
    config.setClusterName(options.name());
    config.setInstanceName("runnel-" + identity.boot());
    config.setClassLoader(HazelcastSettings.class.getClassLoader());
    config.getMemberAttributeConfig().setAttribute(ATTRIBUTE, MemberCodec.encode(identity));
    network(config.getAdvancedNetworkConfig(), options);
    closeDoors(config);
    times(config, options.silence());
    config.addTopicConfig(new TopicConfig(LOADS).setStatisticsEnabled(false));
    config.addMapConfig(
        new MapConfig(NAMES)
            .setInMemoryFormat(InMemoryFormat.BINARY)
            .setBackupCount(1)
            .setStatisticsEnabled(false)
            .setMergePolicyConfig(
                new MergePolicyConfig().setPolicy(PutIfAbsentMergePolicy.class.getName())));
    return config;
  }

  // The settings by endpoint, and a member's alone: their pipeline waits for the first bytes of a
  // peer, where that of the plain settings asks for them in a loop of the one thread that writes,
  // so
  // that a peer which accepts and says nothing, as one that is stopped does, silences all others.
  private static void network(AdvancedNetworkConfig network, ClusterOptions options) {
    network.setEnabled(true);
    network.setMemberEndpointConfig(
        new ServerSocketEndpointConfig()
            .setPort(options.listen().port())
            .setPortAutoIncrement(false)
            .setReuseAddress(true));
    network
        .getMemberAddressProviderConfig()
        .setEnabled(true)
        .setImplementation(new OneAddress(options.listen()));
    JoinConfig join = network.getJoin();
    join.getAutoDetectionConfig().setEnabled(false);
    join.getMulticastConfig().setEnabled(false);
    join.getTcpIpConfig().setEnabled(true).setMembers(options.join());
  }

  // What members send each other as Java objects are errors. Entries of ours are bytes.
  private static void closeDoors(Config config) {
    ClassFilter errors = new ClassFilter();
    for (String prefix : List.of("com.hazelcast.", "java.lang.", "java.util.")) {
      errors.addPrefixes(prefix, "[L" + prefix);
    }
    config
        .getSerializationConfig()
        .setJavaSerializationFilterConfig(
            new JavaSerializationFilterConfig().setDefaultsDisabled(true).setWhitelist(errors))
        .setAllowUnsafe(false)
        .addDataSerializableFactory(
            NameEntry.FACTORY, type -> type == NameEntry.CLASS ? new NameEntry() : null);
    config.getJetConfig().setEnabled(false);
    config.getManagementCenterConfig().setScriptingEnabled(false).setConsoleEnabled(false);
    config.getManagementCenterConfig().setDataAccessEnabled(false);
    config.getMetricsConfig().setEnabled(false);
    set(config, ClusterProperty.PHONE_HOME_ENABLED, false);
    set(config, ClusterProperty.SOCKET_BIND_ANY, false);
    set(config, ClusterProperty.SOCKET_SERVER_BIND_ANY, false);
    // Ours ends it, in an order of its own.
    set(config, ClusterProperty.SHUTDOWNHOOK_ENABLED, false);
    set(config, ClusterProperty.LOGGING_TYPE, "slf4j");
  }

  private static void times(Config config, Duration silence) {
    set(config, ClusterProperty.HEARTBEAT_INTERVAL_SECONDS, 1);
    set(config, ClusterProperty.MAX_NO_HEARTBEAT_SECONDS, Math.max(2, silence.toSeconds()));
    // Also how often it is asked whether others miss the oldest, too: the first five times at once,
    // then twice a second. They notice up to a second later; with fewer tries each would be alone.
    set(config, ClusterProperty.MASTERSHIP_CLAIM_TIMEOUT_SECONDS, 15);
    set(config, ClusterProperty.WAIT_SECONDS_BEFORE_JOIN, 0);
    set(config, ClusterProperty.MAX_JOIN_SECONDS, JOIN.toSeconds());
    set(config, ClusterProperty.MERGE_FIRST_RUN_DELAY_SECONDS, 5);
    set(config, ClusterProperty.MERGE_NEXT_RUN_DELAY_SECONDS, 5);
    set(config, ClusterProperty.OPERATION_CALL_TIMEOUT_MILLIS, CALL.toMillis());
    set(config, ClusterProperty.OPERATION_BACKUP_TIMEOUT_MILLIS, CALL.toMillis());
    // A name is claimed when its copy has it too, and else not.
    set(config, ClusterProperty.FAIL_ON_INDETERMINATE_OPERATION_STATE, true);
    set(config, ClusterProperty.GRACEFUL_SHUTDOWN_MAX_WAIT, 5);
    // Each moves when members change; there is little in them.
    set(config, ClusterProperty.PARTITION_COUNT, 61);
    threads(config);
  }

  // It does little here: its own numbers are those of a data store that has the machine to itself.
  private static void threads(Config config) {
    set(config, ClusterProperty.PARTITION_OPERATION_THREAD_COUNT, 2);
    set(config, ClusterProperty.GENERIC_OPERATION_THREAD_COUNT, 2);
    set(config, ClusterProperty.IO_THREAD_COUNT, 1);
    set(config, ClusterProperty.EVENT_THREAD_COUNT, 1);
    set(config, ClusterProperty.CLIENT_ENGINE_THREAD_COUNT, 1);
    set(config, ClusterProperty.CLIENT_ENGINE_QUERY_THREAD_COUNT, 1);
    set(config, ClusterProperty.CLIENT_ENGINE_BLOCKING_THREAD_COUNT, 1);
    set(config, ClusterProperty.RESPONSE_THREAD_COUNT, 1);
  }

  private static void set(Config config, HazelcastProperty property, Object value) {
    config.setProperty(property.getName(), String.valueOf(value));
  }
}
