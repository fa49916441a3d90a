package dev.runnel.tools.bench;

import java.net.SocketAddress;
import org.jspecify.annotations.Nullable;

/**
 * Whom we measure.
 *
 * @param host as options name it
 * @param token null: it needs none
 */
record Server(SocketAddress address, String host, @Nullable String token) {}
