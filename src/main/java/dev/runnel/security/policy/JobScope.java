package dev.runnel.security.policy;

/** Whose jobs somebody gets at. */
public enum JobScope {
  OWN,
  ALL
}
