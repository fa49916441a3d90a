/**
 * Files and folders as a stream of bytes: one end reads trees and sends, the other receives and
 * writes. Each end blocks on the thread that calls it.
 *
 * <p>Imports no other room; of libraries none.
 */
@NullMarked
package dev.runnel.copy;

import org.jspecify.annotations.NullMarked;
