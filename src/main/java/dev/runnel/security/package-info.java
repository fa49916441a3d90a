/**
 * Who a peer is and what it may do. This package has what a node consults for each request; its
 * parts are in the packages below. Any thread.
 *
 * <p>Imports {@code security.audit}, {@code security.policy}, {@code security.quota}; of libraries
 * none.
 */
@NullMarked
package dev.runnel.security;

import org.jspecify.annotations.NullMarked;
