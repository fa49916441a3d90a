/**
 * The nodes that know each other: who is there, with what room. Made of Hazelcast, which no other
 * room sees, and of which nothing is loaded by a node that is in no cluster. What other members say
 * tells where something is, and is never a permission.
 *
 * <p>Imports {@code job}, {@code model}, {@code server}, {@code tls}; of libraries {@code
 * com.hazelcast..}, {@code io.vertx.core..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.cluster;

import org.jspecify.annotations.NullMarked;
