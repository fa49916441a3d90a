/** Applications that embed Runnel, as the README shows them. */
@NullMarked
package dev.runnel.examples;

import org.jspecify.annotations.NullMarked;
