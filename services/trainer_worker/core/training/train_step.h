#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAIN_STEP_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAIN_STEP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "services/trainer_worker/core/data/batch.h"
#include "services/trainer_worker/core/kernels/row_groups.h"
#include "services/trainer_worker/core/model/dlrm.h"
#include "services/trainer_worker/core/model/packed_weights.h"
#include "services/trainer_worker/core/optimizers/optimizer_options.h"
#include "services/trainer_worker/core/optimizers/update_rules.h"
#include "services/trainer_worker/core/training/thread_team.h"

namespace sda::trainer {

// Penalties and the like that act on the gradients.
struct GradientOptions {
  double l2_dense = 0;         // adds l2 · w to the gradient of MLP weights (not of biases)
  double l2_sparse = 0;        // the same for the embedding rows that a batch touches
  double gradient_clip = 0;    // largest norm of the dense gradient; 0: none
  double positive_weight = 1;  // factor on the loss of positive samples
};

// What the optimizers remember: flat buffers beside the weights.
struct OptimizerState {
  OptimizerState(const DlrmLayout& layout, const OptimizerOptions& options);

  // Bytes of such a state.
  static int64_t Bytes(const DlrmLayout& layout, const OptimizerOptions& options);

  FloatBuffer dense;   // Adam: m of all parameters, then v
  FloatBuffer sparse;  // row-wise Adagrad: one h a row; Adam: m of all rows, then v
};

// Training steps of one model on a team of threads. The batch is cut into one slice a thread, and gradients
// of the dense parameters are added in the order of the threads. Everything else is cut into units that any
// thread may take, as no unit's result depends on another's: a row of a table is in one unit only. The same
// weights, batches and team size give the same bytes. Not thread-safe.
class TrainStep {
 public:
  // All references must outlive this.
  TrainStep(const DlrmLayout& layout, DlrmWeights& weights, OptimizerState& state,
            const OptimizerOptions& options, const GradientOptions& gradients, int64_t max_batch,
            ThreadTeam& team, Precision precision = Precision::kFp32);

  // Bytes that the constructor allocates.
  static int64_t Bytes(const DlrmLayout& layout, int64_t max_batch, int threads,
                       Precision precision = Precision::kFp32);

  // One step on a batch that has passed CheckBatch; at most max_batch rows. `step` counts from 1, `rate` is
  // the schedule's. Returns the mean loss of the batch before the update.
  double Run(const Batch& batch, int64_t step, RateOfStep rate, const DropoutStep& dropout);

  // Seconds by stage so far, averaged over the threads.
  StageSeconds seconds() const;

 private:
  void PackWeights();
  void ForwardBackward(const Batch& batch, const DropoutStep& dropout, int part);
  // The dense parameters are cut into chunks.
  int64_t Chunks() const;
  std::pair<int64_t, int64_t> ChunkRange(int64_t chunk) const;
  // Sums the threads' gradients of a chunk in those of thread 0 and adds the penalty.
  void ReduceDense(int64_t chunk);
  // The factor that brings the summed gradients to the norm they may have.
  float ClipFactor();
  void BeginLamb(int64_t step, RateOfStep rate, int part);
  void FinishLamb(int64_t step, RateOfStep rate, int part);
  // Sums have been made and are to be scaled if `reduced`.
  void UpdateDense(const StepRule& rule, int64_t chunk, bool reduced, float factor);
  // The tables are cut into shards.
  int64_t Shards() const;
  void UpdateShard(const Batch& batch, int64_t step, RateOfStep rate, int64_t unit, int part);
  // SGD whose step is the sum of its samples' steps: no row's gradient has to be known as a whole.
  bool PlainSparseSgd() const;
  // Where the gradients by the bags of a table lie, and their stride.
  const float* BagGradients(const Table& table) const;
  int64_t BagStride(const Table& table) const;
  void UpdateRows(const Table& table, const StepRule& rule, const RowGroups& groups, float* gradient);

  const DlrmLayout& layout_;
  DlrmWeights& weights_;
  OptimizerState& state_;
  const OptimizerOptions options_;
  const GradientOptions gradient_options_;
  ThreadTeam& team_;

  std::vector<std::unique_ptr<DlrmWorkspace>> workspaces_;  // one a thread
  std::optional<PackedWeights> packed_;                     // of large teams
  std::vector<IdScratch> ids_;                              // one a thread
  std::vector<RowGroups> groups_;                           // one a thread
  std::vector<FloatBuffer> row_gradients_;                  // one a thread: [widest table]
  std::vector<std::vector<LambSums>> lamb_sums_;            // one a thread and tensor; empty without LAMB
  std::vector<double> losses_;                              // one a thread
  std::vector<double> chunk_squares_;                       // one a chunk: of the summed gradients
  std::vector<float> logits_, dlogits_;                     // [max_batch]
  FloatBuffer feature_gradients_;                           // [max_batch, feature_width]
  FloatBuffer side_gradients_;                              // [max_batch, side_width]
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_TRAIN_STEP_H_
