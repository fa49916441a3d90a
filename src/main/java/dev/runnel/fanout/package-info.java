/**
 * One command on many nodes at once: {@code exec} with {@code --on}, {@code --hosts-file} or {@code
 * --all}. All nodes are on one event loop; the main thread writes what they print, one more reads
 * stdin.
 *
 * <p>Imports {@code api}, {@code cli}, {@code client}, {@code model}, {@code tls}; of libraries
 * {@code io.vertx.core..}.
 */
@NullMarked
package dev.runnel.fanout;

import org.jspecify.annotations.NullMarked;
