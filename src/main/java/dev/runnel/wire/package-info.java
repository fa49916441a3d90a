/**
 * Frames to requests and events, and back, as PROTOCOL.md has them; the limits of both. Imports
 * {@code model}; of libraries only Jackson's streaming parser. Runs on the caller's thread.
 */
@NullMarked
package dev.runnel.wire;

import org.jspecify.annotations.NullMarked;
