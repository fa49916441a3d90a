package dev.runnel.security;

/** Whose jobs somebody gets at. */
public enum JobScope {
  OWN,
  ALL
}
