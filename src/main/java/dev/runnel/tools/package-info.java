/**
 * Verbs off the hot path: what an operator types now and then. Runs on the main thread.
 *
 * <p>Imports {@code cli}, {@code files}, {@code model}, {@code security.identity}, {@code
 * security.policy}, {@code settings}; of libraries {@code com.fasterxml.jackson.core..}, {@code
 * com.fasterxml.jackson.databind..}, {@code org.jline..}.
 */
@NullMarked
package dev.runnel.tools;

import org.jspecify.annotations.NullMarked;
