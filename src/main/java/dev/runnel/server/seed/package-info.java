/**
 * The seed listener, for clients of the original Python example: a read is a shell line, an answer
 * is one frame with all of its output. PROTOCOL.md, "The seed listener". Imports {@code model},
 * {@code job}, {@code bus} and {@code server}. Everything of a connection runs on its event loop.
 */
@NullMarked
package dev.runnel.server.seed;

import org.jspecify.annotations.NullMarked;
