package dev.runnel.server;

import dev.runnel.model.JobId;
import dev.runnel.model.NodeStatus;
import io.vertx.core.Future;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The cluster that a node is in, as its connections ask for it: who is there, and where a job is.
 * It says where, and never who may. Any thread; futures complete on the context that asks.
 */
public interface ClusterView {
  /** The nodes that are known, this one too, and those that were lost lately; by name. */
  List<NodeStatus> nodes();

  /** Those that are there. */
  List<NodeAddress> addresses();

  /** That life of a node; null: it is not there. */
  @Nullable NodeAddress ofBoot(String boot);

  /** The node of that name; null: it is not there. */
  @Nullable NodeAddress named(String node);

  /** The node that gave a job this name, if it is there. */
  @Nullable NodeAddress makerOf(JobId job);

  /** Whether that life of a node is, or was, in the cluster while this one was. */
  boolean knows(String boot);

  /** Whether a node gave a job this name that was lost since. */
  boolean isOfLost(JobId job);

  /**
   * Nodes that take jobs and have these labels: first the one with more room of two that were
   * drawn, then the other of the two.
   */
  List<NodeAddress> choose(Map<String, String> where);

  /** Where the job of that name is, if a client gave it and there is one. */
  Future<Optional<JobPlace>> find(JobId job);

  /**
   * Takes the name for a job here. Fails with a {@link dev.runnel.job.RejectedException} where that
   * is not certain.
   *
   * @return where the job of that name is; empty: nowhere, and the name is taken now
   */
  Future<Optional<JobPlace>> claim(JobId job, JobPlace here);

  /** Whether a claim can be certain now; null: it can, else why not. */
  @Nullable String uncertainty();

  /** The name is free again: no job began by it. */
  void release(JobId job);

  /** Has that done on the loss of that life of a node, once, on any thread; at once if it is. */
  Watch onGone(String boot, Runnable task);

  /** Something that is waited for. */
  interface Watch {
    void cancel();
  }
}
