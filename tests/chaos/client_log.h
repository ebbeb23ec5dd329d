#ifndef SDA_TESTS_CHAOS_CLIENT_LOG_H_
#define SDA_TESTS_CHAOS_CLIENT_LOG_H_

#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "sda/optimizer/v1/optimizer_service.grpc.pb.h"

namespace sda::chaos {

// What clients saw, in their own words and by their own clock: the only evidence that is believed.
// Thread-safe while it is written.
class ClientLog {
 public:
  // A trial was granted; known to the client from `seen` on.
  struct Grant {
    std::string trial;
    int32_t attempt = 0;
    std::string token;
    int64_t seen = 0;
  };
  // A call about a lease was accepted. `first_sent` is when the client sent it for the first time.
  struct Accepted {
    enum class Kind { kReport, kComplete, kFail, kRelease } kind = Kind::kReport;
    std::string trial;
    int32_t attempt = 0;
    int64_t first_sent = 0;
    int64_t step = 0;  // of kReport
    double value = 0;  // of kReport and kComplete
  };
  // A call about a lease was refused as LEASE_LOST.
  struct Refused {
    std::string trial;
    int32_t attempt = 0;
  };

  // Moments in the order of a common clock: each is later than all before.
  int64_t Now() {
    std::lock_guard lock(mutex_);
    return ++now_;
  }

  void Add(Grant grant) {
    std::lock_guard lock(mutex_);
    grant.seen = ++now_;
    grants_.push_back(std::move(grant));
  }
  void Add(Accepted accepted) {
    std::lock_guard lock(mutex_);
    accepted_.push_back(std::move(accepted));
  }
  void Add(Refused refused) {
    std::lock_guard lock(mutex_);
    refused_.push_back(std::move(refused));
  }
  void Complain(std::string what) {
    std::lock_guard lock(mutex_);
    complaints_.push_back(std::move(what));
  }

  // Once nobody writes any more.
  const std::vector<Grant>& grants() const { return grants_; }
  const std::vector<Accepted>& accepted() const { return accepted_; }
  const std::vector<Refused>& refused() const { return refused_; }
  const std::vector<std::string>& complaints() const { return complaints_; }
  int64_t Count(Accepted::Kind kind) const;

 private:
  std::mutex mutex_;
  int64_t now_ = 0;
  std::vector<Grant> grants_;
  std::vector<Accepted> accepted_;
  std::vector<Refused> refused_;
  std::vector<std::string> complaints_;
};

// Holds the log against what the server says at the end; one sentence for each thing that is wrong:
// an acknowledged report, completion or failure that is not there (or there twice); a call accepted under a
// token that was older than one its client already knew; two grants of one attempt; readings of an older
// attempt after those of a newer one; a number of counted trials that is not the budget.
std::vector<std::string> CheckLog(const ClientLog& log, optimizer::v1::OptimizerService::Stub& stub,
                                  const std::vector<std::string>& experiments);

}  // namespace sda::chaos

#endif  // SDA_TESTS_CHAOS_CLIENT_LOG_H_
