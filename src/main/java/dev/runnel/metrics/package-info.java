/**
 * The metrics of a node, in whatever registry they are asked for. Nothing is counted twice: what is
 * known already is read when it is asked for. No class of it is loaded by a daemon that has no HTTP
 * listener. Any thread; observers run on the pump.
 *
 * <p>Imports {@code job}, {@code model}, {@code server}; of libraries {@code
 * io.micrometer.core.instrument..}, {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.metrics;

import org.jspecify.annotations.NullMarked;
