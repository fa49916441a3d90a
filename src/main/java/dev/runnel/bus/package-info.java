/**
 * What goes over the event bus between a node's verticles: addresses, messages, codecs. Imports
 * {@code model}, {@code wire}, {@code job}, {@code security} and {@code commands}. Runs on the
 * caller's context.
 */
@NullMarked
package dev.runnel.bus;

import org.jspecify.annotations.NullMarked;
