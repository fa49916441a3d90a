/**
 * A whole daemon, started by the launcher with everything turned on, under failures that come from
 * outside and are picked by a seed. The client is made of sockets and PROTOCOL.md; of ours it knows
 * nothing but how to start the daemon.
 */
@NullMarked
package dev.runnel.chaos;

import org.jspecify.annotations.NullMarked;
