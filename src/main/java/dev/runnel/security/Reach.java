package dev.runnel.security;

/** Whose jobs somebody gets at. */
public enum Reach {
  OWN,
  ALL
}
