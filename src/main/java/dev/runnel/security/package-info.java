/**
 * Who a peer is, and how much is borne of those who are nobody yet; later also what it may do, and
 * the record of what it did. Imports {@code model}. Any thread.
 */
@NullMarked
package dev.runnel.security;

import org.jspecify.annotations.NullMarked;
