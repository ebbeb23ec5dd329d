#ifndef SDA_SERVICES_ADVISOR_SERVER_ADVISOR_H_
#define SDA_SERVICES_ADVISOR_SERVER_ADVISOR_H_

#include <memory>
#include <string>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "common/base/clock.h"
#include "common/rpc/call_environment.h"
#include "services/advisor/server/advisor_service.h"
#include "services/advisor/server/peers.h"

namespace sda::advisor {

struct AdvisorOptions {
  std::string database;
  std::string artefacts;
  absl::Duration retry_budget = absl::Minutes(10);
  int run_threads = 8;
};

// The whole advisor behind its gRPC service: database, engine, calls. Destruction stops the engine; the
// server must have stopped before.
class Advisor {
 public:
  // Opens the database; errors as sql::Database::Open. `calls` and `clock` must outlive the advisor.
  static absl::StatusOr<std::unique_ptr<Advisor>> Create(const AdvisorOptions& options,
                                                         std::unique_ptr<Peers> peers,
                                                         rpc::CallEnvironment& calls, Clock& clock);
  ~Advisor();
  Advisor(const Advisor&) = delete;
  Advisor& operator=(const Advisor&) = delete;

  grpc::Service& grpc_service();

  // Goes on with every run that has not ended. Call once.
  absl::Status Start();

  // Cuts off the work on runs; their records keep what they have come to. Idempotent.
  void Stop();

  // OK while the database answers. The other services may be away: runs wait for them.
  absl::Status CheckReady();

 private:
  struct Parts;
  explicit Advisor(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_ADVISOR_H_
