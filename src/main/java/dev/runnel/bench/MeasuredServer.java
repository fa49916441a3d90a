package dev.runnel.bench;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Whom we measure.
 *
 * @param host as options name it
 * @param token null: it needs none
 * @param process null: it is not ours, so nobody knows
 */
record MeasuredServer(
    SocketAddress address, String host, @Nullable String token, @Nullable ProcessHandle process) {}
