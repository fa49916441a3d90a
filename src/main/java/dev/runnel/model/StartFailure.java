package dev.runnel.model;

/**
 * Why a command could not be started.
 *
 * @param errno the error's name in errno(3), such as {@code ENOENT}
 */
public record StartFailure(String errno, At at, String message) {
  public StartFailure {
    message = SystemText.shown(message);
  }

  /** Which step failed. */
  public enum At {
    EXEC("exec"),
    CWD("cwd"),
    LIMITS("limits"),
    USER("user");

    private final String wireName;

    At(String wireName) {
      this.wireName = wireName;
    }

    public String wireName() {
      return wireName;
    }
  }
}
