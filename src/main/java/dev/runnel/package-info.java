/** The program's entry. */
@NullMarked
package dev.runnel;

import org.jspecify.annotations.NullMarked;
