/** Folders that a server has for itself. Imports no other room; any thread that may block. */
@NullMarked
package dev.runnel.files;

import org.jspecify.annotations.NullMarked;
