#ifndef SDA_TESTS_FUZZ_REQUEST_WORLD_H_
#define SDA_TESTS_FUZZ_REQUEST_WORLD_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <google/protobuf/message.h>

#include "common/storage/sql/database.h"
#include "common/testing/fake_clock.h"
#include "common/testing/temp_dir.h"
#include "services/optimizer/server/engine.h"

namespace sda::fuzz {

// An optimizer without a network: every request of OptimizerService as the service would take it, valid
// examples of each, and what it holds.
class RequestWorld {
 public:
  RequestWorld();

  // Names of all request types: "CreateExperimentRequest", …
  static std::vector<std::string> RequestTypes();
  static std::unique_ptr<google::protobuf::Message> NewRequest(const std::string& type);

  // A request that is accepted; each time about things made for it.
  std::unique_ptr<google::protobuf::Message> Sample(const std::string& type);

  // As the service: what holds for all requests first, then the engine. Waits for nothing.
  absl::Status Call(const google::protobuf::Message& request) { return CallForReply(request).status(); }
  // As Call, with the reply's bytes; empty for streams. Safe to call from several threads.
  absl::StatusOr<std::string> CallForReply(const google::protobuf::Message& request);

  // Every experiment with everything on it, as bytes.
  std::string Snapshot();

  // How many experiments there are; a world that has grown is better replaced.
  int64_t size() const { return experiments_; }

 private:
  std::string NewExperiment();
  optimizer::v1::Lease NewLease(const std::string& experiment);
  std::string NewMeasuredTrial(const std::string& experiment);
  std::string NewId() { return "r" + std::to_string(++ids_); }

  const testing::TempDir folder_;
  testing::FakeClock clock_;
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<optimizer::Engine> engine_;
  int64_t ids_ = 0, experiments_ = 0;
};

// Whether a call may end so: OK, or a refusal that says what is wrong; never an accident.
bool IsOrderly(const absl::Status& status);

}  // namespace sda::fuzz

#endif  // SDA_TESTS_FUZZ_REQUEST_WORLD_H_
