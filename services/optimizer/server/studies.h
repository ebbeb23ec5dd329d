#ifndef SDA_SERVICES_OPTIMIZER_SERVER_STUDIES_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_STUDIES_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "services/optimizer/core/suggester.h"

namespace sda::optimizer {

// What the model-based search knows of one experiment: its trials as of an event, brought up to date by what
// changed since instead of being read again. Whoever computes a suggestion holds `lane` meanwhile: the next
// one has to know of this one.
struct Study {
  std::mutex lane;
  // Of the experiment the rest belongs to: one of the same name made after it was deleted is another. Empty
  // while nothing is known.
  std::string creation;
  int64_t seen_event = 0;
  std::vector<ObservedTrial> trials;  // number n at n - 1; committed ones only
};

// The studies in use, the latest of them kept. Thread-safe.
class Studies {
 public:
  std::shared_ptr<Study> Of(const std::string& experiment_id) {
    std::lock_guard lock(mutex_);
    const auto known = by_id_.find(experiment_id);
    if (known != by_id_.end()) {
      order_.splice(order_.begin(), order_, known->second);
      return known->second->second;
    }
    order_.emplace_front(experiment_id, std::make_shared<Study>());
    by_id_[experiment_id] = order_.begin();
    if (order_.size() > kMostStudies) {
      by_id_.erase(order_.back().first);
      order_.pop_back();  // who uses it still holds it; two lanes are a loss of time, not of order
    }
    return order_.front().second;
  }

 private:
  // Some megabytes at most: a study of 1,000 trials and 20 parameters is about 2 MB.
  static constexpr size_t kMostStudies = 32;

  using Entry = std::pair<std::string, std::shared_ptr<Study>>;

  std::mutex mutex_;
  std::list<Entry> order_;                                   // guarded by mutex_; latest first
  std::map<std::string, std::list<Entry>::iterator> by_id_;  // guarded by mutex_
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_STUDIES_H_
