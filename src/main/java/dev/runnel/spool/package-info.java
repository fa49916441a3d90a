/**
 * Jobs on disk: the file of each, the directory of all, and what is recovered after a restart.
 * Everything here blocks on files: never on the process loop or an event loop.
 *
 * <p>Imports {@code files}, {@code model}, {@code wire}; of libraries {@code org.slf4j..}.
 */
@NullMarked
package dev.runnel.spool;

import org.jspecify.annotations.NullMarked;
