package dev.runnel.server;

/**
 * What a node needs to be a door to others.
 *
 * @param view where they and their jobs are
 * @param dialer how they are reached
 */
public record ClusterMember(ClusterView view, NodeDialer dialer) {}
