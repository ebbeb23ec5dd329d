#include "services/trainer_worker/core/serving/batch_scorer.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include <absl/strings/str_cat.h>
#include <pthread.h>

#include "common/base/error.h"

namespace sda::trainer {
namespace {

// A request gets at most this part of a batch before the next one has its turn.
constexpr int64_t kSharesOfBatch = 8;
constexpr double kRateMemory = 0.8;  // of the rate so far in the new one
constexpr int64_t kShortestAdviceMillis = 10;
constexpr int64_t kLongestAdviceMillis = 10'000;

}  // namespace

BatchScorer::BatchScorer(Options options) : options_(std::move(options)) {
  for (int i = 0; i < options_.threads; ++i) {
    threads_.emplace_back([this, i] {
      pthread_setname_np(pthread_self(), absl::StrCat("predict-", i).c_str());
      Work();
    });
  }
}

BatchScorer::~BatchScorer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

int64_t BatchScorer::queued_rows() const {
  std::lock_guard lock(mutex_);
  return queued_rows_;
}

absl::StatusOr<std::vector<float>> BatchScorer::Score(std::shared_ptr<const Predictor> model,
                                                      const EncodedRows& rows, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError("nobody waits for the prediction");
  Request request{.rows = rows,
                  .probabilities = std::vector<float>(rows.rows),
                  .came = std::chrono::steady_clock::now(),
                  .changed = {}};
  if (rows.rows == 0) return std::move(request.probabilities);
  std::unique_lock lock(mutex_);
  if (queued_rows_ > 0 && queued_rows_ + rows.rows > options_.max_queued_rows) return QueueFull(rows.rows);
  Queue& queue = QueueOf(model);
  queue.requests.push_back(&request);
  queue.rows += rows.rows;
  queued_rows_ += rows.rows;
  work_.notify_one();
  const auto all_scored = [&] { return request.scored == rows.rows; };
  if (!request.changed.wait(lock, std::move(stop), all_scored)) {
    Withdraw(*model, request);
    // Threads that hold rows of this request look into it until they are done: a batch at most.
    request.changed.wait(lock, [&] { return request.scored == request.taken; });
    return absl::CancelledError("nobody waits for the prediction");
  }
  return std::move(request.probabilities);
}

BatchScorer::Queue& BatchScorer::QueueOf(const std::shared_ptr<const Predictor>& model) {
  const auto found =
      std::find_if(queues_.begin(), queues_.end(), [&](const Queue& queue) { return queue.model == model; });
  if (found != queues_.end()) return *found;
  Queue& queue = queues_.emplace_back();
  queue.model = model;
  return queue;
}

void BatchScorer::Withdraw(const Predictor& model, Request& request) {
  if (request.waiting() == 0) return;
  const auto queue = std::find_if(queues_.begin(), queues_.end(),
                                  [&](const Queue& other) { return other.model.get() == &model; });
  std::erase(queue->requests, &request);
  queue->rows -= request.waiting();
  queued_rows_ -= request.waiting();
  if (queue->requests.empty()) queues_.erase(queue);
}

absl::Status BatchScorer::QueueFull(int64_t rows) const {
  int64_t millis = kLongestAdviceMillis;
  if (rows_per_second_ > 0) {
    millis = std::clamp(static_cast<int64_t>(1e3 * static_cast<double>(queued_rows_) / rows_per_second_),
                        kShortestAdviceMillis, kLongestAdviceMillis);
  }
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat(queued_rows_, " rows wait to be scored, ", rows, " more would be above ",
                                options_.max_queued_rows, "; try again in ", millis, " ms"),
                   {.reason = "PREDICT_QUEUE_FULL",
                    .metadata = {{"retry_after_ms", absl::StrCat(millis)}},
                    .violations = {}});
}

BatchScorer::Time BatchScorer::DueTime(const Queue& queue) const {
  if (stopping_ || queue.rows >= options_.max_batch_rows) return Time::min();
  const auto oldest = std::min_element(queue.requests.begin(), queue.requests.end(),
                                       [](const Request* a, const Request* b) { return a->came < b->came; });
  return (*oldest)->came + options_.max_delay;
}

std::vector<BatchScorer::Part> BatchScorer::TakeBatch(Queue& queue) {
  const int64_t share = std::max<int64_t>(1, options_.max_batch_rows / kSharesOfBatch);
  int64_t room = options_.max_batch_rows;
  std::vector<Part> parts;
  while (room > 0 && !queue.requests.empty()) {
    Request& request = *queue.requests.front();
    queue.requests.pop_front();
    const int64_t rows = std::min({request.waiting(), share, room});
    parts.push_back({&request, request.taken, request.taken + rows});
    request.taken += rows;
    room -= rows;
    if (request.waiting() > 0) queue.requests.push_back(&request);
  }
  const int64_t rows = options_.max_batch_rows - room;
  queue.rows -= rows;
  queued_rows_ -= rows;
  return parts;
}

void BatchScorer::Work() {
  EncodedRows joined;
  std::vector<float> probabilities(options_.max_batch_rows);
  std::vector<RowRange> ranges;
  std::unique_lock lock(mutex_);
  while (true) {
    if (queues_.empty()) {
      if (stopping_) return;
      work_.wait(lock);
      continue;
    }
    // The first in turn of those that are due.
    const Time now = std::chrono::steady_clock::now();
    auto next = queues_.end();
    Time earliest = Time::max();
    for (auto queue = queues_.begin(); queue != queues_.end() && next == queues_.end(); ++queue) {
      const Time due = DueTime(*queue);
      if (due <= now) next = queue;
      earliest = std::min(earliest, due);
    }
    if (next == queues_.end()) {
      work_.wait_until(lock, earliest);
      continue;
    }
    const std::shared_ptr<const Predictor> model = next->model;
    const std::vector<Part> parts = TakeBatch(*next);
    if (next->requests.empty()) {
      queues_.erase(next);
    } else {
      queues_.splice(queues_.end(), queues_, next);  // it is the others' turn
      work_.notify_one();
    }
    lock.unlock();

    ranges.clear();
    for (const Part& part : parts) ranges.push_back({&part.request->rows, part.begin, part.end});
    Join(ranges, joined);
    const Time begin = std::chrono::steady_clock::now();
    model->Score(joined, probabilities.data());
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::set<Request*> requests;
    for (int64_t row = 0; const Part& part : parts) {
      std::copy_n(&probabilities[row], part.end - part.begin, &part.request->probabilities[part.begin]);
      row += part.end - part.begin;
      requests.insert(part.request);
    }
    if (options_.on_batch) options_.on_batch(joined.rows, static_cast<int64_t>(requests.size()));

    lock.lock();
    const double rate = static_cast<double>(joined.rows) / std::max(seconds, 1e-6);
    rows_per_second_ =
        rows_per_second_ == 0 ? rate : kRateMemory * rows_per_second_ + (1 - kRateMemory) * rate;
    for (const Part& part : parts) part.request->scored += part.end - part.begin;
    // A request whose caller sees its last row scored may be gone once the lock is free.
    for (Request* request : requests) request->changed.notify_all();
  }
}

}  // namespace sda::trainer
