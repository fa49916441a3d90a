/**
 * Folders and files that nobody but their owner is to change or to read: who we are, where our
 * socket is, who has a port, what a server has for itself. Imports no other room; any thread that
 * may block.
 */
@NullMarked
package dev.runnel.files;

import org.jspecify.annotations.NullMarked;
