/**
 * Directories and files that only their owner may change or read: the process's user, the socket's
 * place, the owner of a port, the lock of a directory. Any thread that may block.
 *
 * <p>Imports no other room; of libraries none.
 */
@NullMarked
package dev.runnel.files;

import org.jspecify.annotations.NullMarked;
