/**
 * Policies: rules, patterns of arguments and variables, and what a rule decides about a run.
 * Immutable. Any thread.
 *
 * <p>Imports {@code model}; of libraries {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.security.policy;

import org.jspecify.annotations.NullMarked;
