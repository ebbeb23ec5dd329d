#ifndef SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_HUB_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_HUB_H_

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include <absl/time/time.h>

namespace sda::optimizer {

// Wakes those who wait for an experiment to change, and nobody else: a report of a measurement must not rouse
// every worker that waits for a trial. Thread-safe.
class ChangeHub {
 public:
  enum class Kind {
    kWatch,  // any change
    kWork,   // a change after which there may be a trial to hand out
  };

  // Waits from its making to its end, so that no change between a look at the data and the wait is missed:
  //   Waiter waiter(hub, ids, kind);
  //   while (true) { waiter.Reset(); …look…; waiter.Await(longest, stop); }
  // Used by one thread.
  class Waiter {
   public:
    // For changes of these experiments; of all where `ids` is empty.
    Waiter(ChangeHub& hub, const std::vector<std::string>& ids, Kind kind);
    ~Waiter();
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

    // Forgets the changes until now.
    void Reset();

    // Until a change comes, `longest` is over, or `stop` fires.
    void Await(absl::Duration longest, std::stop_token stop);

   private:
    friend class ChangeHub;

    ChangeHub& hub_;
    const std::vector<std::string> ids_;
    const Kind kind_;
    std::condition_variable_any changed_;
    bool has_changed_ = false;  // guarded by hub_.mutex_
  };

  // The experiment changed; `kind` is kWork where there may be a trial to hand out now.
  void Changed(const std::string& id, Kind kind);

  // Wakes everybody.
  void ChangedAll();

  // The experiments somebody waits for by name.
  std::vector<std::string> AwaitedIds() const;

 private:
  static void Wake(Waiter& waiter) {
    waiter.has_changed_ = true;
    waiter.changed_.notify_all();
  }

  mutable std::mutex mutex_;
  std::multimap<std::string, Waiter*> by_id_;  // guarded by mutex_
  std::set<Waiter*> of_all_;                   // guarded by mutex_
};

}  // namespace sda::optimizer

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_CHANGE_HUB_H_
