#ifndef SDA_SERVICES_TRAINER_WORKER_SERVER_PREDICTION_H_
#define SDA_SERVICES_TRAINER_WORKER_SERVER_PREDICTION_H_

#include <cstdint>

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "common/rpc/request_context.h"
#include "common/telemetry/metrics_registry.h"
#include "sda/trainer/v1/trainer_service.pb.h"
#include "services/trainer_worker/core/serving/batch_scorer.h"
#include "services/trainer_worker/server/artefact_folders.h"
#include "services/trainer_worker/server/model_cache.h"

namespace sda::trainer {

// Rows a request may hold: some 100 MB of probabilities and ids at most, and a queue that still moves.
inline constexpr int kMaxPredictRows = 100'000;

// How predictions are made; flags of the worker (config.h).
struct PredictionOptions {
  int threads = 1;
  int batch_rows = 1024;
  absl::Duration delay = absl::ZeroDuration();
  int64_t queue_rows = 2 * kMaxPredictRows;
  int64_t cache_bytes = int64_t{1} << 30;
};

// What Predict does: models at hand, callers of the same model scored together. Thread-safe.
class Prediction {
 public:
  // `metrics` must outlive this.
  Prediction(const PredictionOptions& options, ArtefactFolders folders, MetricsRegistry& metrics);

  absl::Status Predict(const trainer::v1::PredictRequest& request, trainer::v1::PredictResponse& response,
                       rpc::RequestContext& call);

 private:
  const ArtefactFolders folders_;
  ModelCache models_;
  BatchScorer scorer_;
};

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_SERVER_PREDICTION_H_
