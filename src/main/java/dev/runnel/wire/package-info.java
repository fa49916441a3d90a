/**
 * Frames to requests and events, and back, as PROTOCOL.md defines them; the limits of both. Runs on
 * the caller's thread.
 *
 * <p>Imports {@code model}; of libraries {@code com.fasterxml.jackson.core..}.
 */
@NullMarked
package dev.runnel.wire;

import org.jspecify.annotations.NullMarked;
