/**
 * What each principal and each source uses, and its limits. Any thread.
 *
 * <p>Imports {@code model}, {@code security.identity}, {@code security.policy}; of libraries none.
 */
@NullMarked
package dev.runnel.security.quota;

import org.jspecify.annotations.NullMarked;
