/** Applications that embed Runnel, as docs/guide/embedding.md shows them. */
@NullMarked
package dev.runnel.examples;

import org.jspecify.annotations.NullMarked;
