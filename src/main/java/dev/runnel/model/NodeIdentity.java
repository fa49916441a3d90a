package dev.runnel.model;

/**
 * Which server, and which life of it.
 *
 * @param name of the node, for people
 * @param boot a random name of this life: jobs of another one are not here
 */
public record NodeIdentity(String name, String boot) {}
