#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_BATCH_SCORER_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_BATCH_SCORER_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include <absl/status/statusor.h>

#include "services/trainer_worker/core/serving/predictor.h"

namespace sda::trainer {

// Scores rows of callers that ask at the same time together: weights are read and packed once a batch instead
// of once a caller. A queue a model; a thread takes the batch that has waited its turn, scores it, and hands
// the probabilities out.
//
// A batch closes when it has max_batch_rows, or max_delay after its first row came. While all threads are at
// work rows gather by themselves, so even without a delay batches grow with the load.
//
// Fair: models take turns. Within a model requests take turns too, a share of the batch each, so that one
// with a hundred thousand rows does not hold up one with a single row.
//
// What a caller gets does not depend on who shared its batches, in bytes. Thread-safe.
class BatchScorer {
 public:
  struct Options {
    int threads = 1;                         // at least 1
    int64_t max_batch_rows = 1024;           // in [1, Predictor::kMaxRowsAtOnce]
    std::chrono::microseconds max_delay{0};  // at least 0
    int64_t max_queued_rows = 200'000;       // that wait, over all models; at least 1
    // After each batch, from the thread that scored it: rows, and requests that had a part in it.
    std::function<void(int64_t rows, int64_t requests)> on_batch = {};
  };

  explicit BatchScorer(Options options);

  // Nobody may be in Score.
  ~BatchScorer();

  BatchScorer(const BatchScorer&) = delete;
  BatchScorer& operator=(const BatchScorer&) = delete;

  // Blocks until every row is scored. CANCELLED soon after `stop` fires: rows that no thread has begun are
  // taken out. RESOURCE_EXHAUSTED "PREDICT_QUEUE_FULL" with "retry_after_ms" among its metadata where others
  // wait and the rows do not fit behind them. `rows` are of this model.
  absl::StatusOr<std::vector<float>> Score(std::shared_ptr<const Predictor> model, const EncodedRows& rows,
                                           std::stop_token stop);

  // Rows that wait at this moment.
  int64_t queued_rows() const;

 private:
  using Time = std::chrono::steady_clock::time_point;

  struct Request {
    const EncodedRows& rows;
    std::vector<float> probabilities;
    Time came;
    int64_t taken = 0;   // rows handed to threads
    int64_t scored = 0;  // of them
    std::condition_variable_any changed;

    int64_t waiting() const { return rows.rows - taken; }
  };

  struct Queue {
    std::shared_ptr<const Predictor> model;
    std::deque<Request*> requests;  // each with rows that wait
    int64_t rows = 0;               // that wait
  };

  // A run of one request's rows within a batch.
  struct Part {
    Request* request;
    int64_t begin, end;
  };

  // All with mutex_ held.
  Queue& QueueOf(const std::shared_ptr<const Predictor>& model);
  void Withdraw(const Predictor& model, Request& request);
  absl::Status QueueFull(int64_t rows) const;
  Time DueTime(const Queue& queue) const;
  std::vector<Part> TakeBatch(Queue& queue);

  void Work();

  const Options options_;
  mutable std::mutex mutex_;
  std::condition_variable work_;
  std::list<Queue> queues_;     // guarded by mutex_; with rows that wait, whose turn is next first
  int64_t queued_rows_ = 0;     // guarded by mutex_
  double rows_per_second_ = 0;  // guarded by mutex_; of the batches lately, 0 before the first
  bool stopping_ = false;       // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_SERVING_BATCH_SCORER_H_
