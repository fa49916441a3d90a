package dev.runnel.cli;

import dev.runnel.model.ErrorCode;
import dev.runnel.model.Event;
import dev.runnel.model.JobId;
import dev.runnel.model.JobStatus;
import dev.runnel.model.Labels;
import dev.runnel.model.Request;
import dev.runnel.wire.EventDecoder;
import dev.runnel.wire.ProtocolException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/** Finds the job that is meant by its name, or by a beginning of it that no other has. */
final class JobNames {
  private static final int MAX_SHOWN = 5;

  private JobNames() {}

  /** Asks, and blocks until it is known. */
  static JobStatus find(RequestClient inquiry, JobId word) throws Failure {
    int limit = MAX_SHOWN + 1;
    inquiry.send(new Request.Jobs(word.value(), null, Labels.NONE, limit));
    List<JobStatus> found = new ArrayList<>();
    for (byte[] part : parts(inquiry, limit)) {
      found.addAll(decode(part));
    }
    // Of each node it is in the order of names: the name itself comes before those it begins.
    for (JobStatus status : found) {
      if (found.size() == 1 || status.job().equals(word)) {
        return status;
      }
    }
    throw found.isEmpty()
        ? Failure.of(inquiry.host().name() + " knows no job " + word + ", nor one that begins so")
        : Failure.of(word + " begins the names of several jobs: " + names(found));
  }

  /** The same after an error: if it is another one than that there is no such job, it is final. */
  static JobId findInstead(RequestClient inquiry, JobId word, Event.Failed error) throws Failure {
    if (error.code() != ErrorCode.UNKNOWN_JOB) {
      throw ErrorAnswer.of(inquiry.host(), error);
    }
    return find(inquiry, word).job();
  }

  private static String names(List<JobStatus> found) {
    StringBuilder names = new StringBuilder();
    for (JobStatus status : found.subList(0, Math.min(MAX_SHOWN, found.size()))) {
      names.append(names.isEmpty() ? "" : ", ").append(status.job());
    }
    return names.append(found.size() > MAX_SHOWN ? ", …" : "").toString();
  }

  /**
   * The bodies of the answer to {@code jobs}, each an array of statuses: no more than asked for.
   */
  static List<byte[]> parts(RequestClient inquiry, int limit) throws Failure {
    return parts(inquiry, limit, _ -> {});
  }

  /**
   * The same.
   *
   * @param absent told which nodes of a cluster did not answer
   */
  static List<byte[]> parts(RequestClient inquiry, int limit, Consumer<List<String>> absent)
      throws Failure {
    List<byte[]> parts = new ArrayList<>();
    int count = 0;
    while (true) {
      Event event = inquiry.next();
      ByteBuffer body = inquiry.body();
      byte[] part = new byte[body.remaining()];
      body.get(part);
      int statuses = decode(part).size();
      count += statuses;
      if (count > limit) {
        throw Failure.of(
            inquiry.host().name() + " sent " + count + " statuses (limit: " + limit + ")");
      }
      if (statuses > 0) {
        parts.add(part);
      }
      if (event instanceof Event.JobsEnd(List<String> missing) && !missing.isEmpty()) {
        absent.accept(missing);
      }
      if (event.isFinal()) {
        return parts;
      }
    }
  }

  static List<JobStatus> decode(byte[] part) throws Failure {
    try {
      return EventDecoder.decodeStatuses(part);
    } catch (ProtocolException e) {
      throw Failure.of("the list cannot be read: " + e.getMessage());
    }
  }
}
