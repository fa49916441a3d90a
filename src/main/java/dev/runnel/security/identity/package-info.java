/**
 * Names of peers: tokens, certificates, users, addresses; limits on peers that are not
 * authenticated. Any thread.
 *
 * <p>Imports no other room; of libraries {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.security.identity;

import org.jspecify.annotations.NullMarked;
