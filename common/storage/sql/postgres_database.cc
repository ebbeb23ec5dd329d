#include "common/storage/sql/postgres_database.h"

#include <algorithm>
#include <utility>

#include <absl/base/thread_annotations.h>
#include <absl/random/random.h>
#include <absl/synchronization/mutex.h>
#include <absl/time/clock.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/storage/sql/migrations.h"
#include "common/storage/sql/postgres_connection.h"

namespace sda::sql {
namespace {

// Deadlocks and lost races are rare and short: one that persists over this many runs is a fault of ours.
constexpr int kMaxRuns = 20;
constexpr absl::Duration kFirstPause = absl::Milliseconds(2);
constexpr absl::Duration kLongestPause = absl::Milliseconds(100);
// While the database is away one caller in this time tries to connect, the others are answered at once.
constexpr absl::Duration kFirstBackOff = absl::Milliseconds(50);
constexpr absl::Duration kLongestBackOff = absl::Seconds(2);
// A connection that idled for longer is asked whether it still is one before a transaction counts on it.
constexpr absl::Duration kFresh = absl::Seconds(1);

// The connections of one process to one server, opened when first needed and again after they were lost.
// Thread-safe.
class ConnectionPool {
 public:
  ConnectionPool(std::string url, int size) : url_(std::move(url)), size_(size) {}

  // An idle connection, or a new one: UNAVAILABLE while the database cannot be reached.
  // `fresh` says that it was of use a moment ago.
  absl::StatusOr<std::unique_ptr<Connection>> Take(bool& fresh) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &ConnectionPool::Available));
      if (!idle_.empty()) {
        Idle idle = std::move(idle_.back());
        idle_.pop_back();
        fresh = RealClock::Get().Monotonic() - idle.since < kFresh;
        return std::move(idle.connection);
      }
      fresh = true;
      if (RealClock::Get().Monotonic() < next_attempt_) return last_failure_;
      // Whoever comes meanwhile is answered with the last failure; after the first time only.
      if (!last_failure_.ok()) next_attempt_ = RealClock::Get().Monotonic() + back_off_;
      ++open_;
    }
    auto connection = OpenPostgres(url_);
    absl::MutexLock lock(&mutex_);
    if (connection.ok()) {
      last_failure_ = absl::OkStatus();
      back_off_ = kFirstBackOff;
      next_attempt_ = absl::ZeroDuration();
    } else {
      --open_;
      last_failure_ = connection.status();
      next_attempt_ = RealClock::Get().Monotonic() + back_off_;
      back_off_ = std::min(2 * back_off_, kLongestBackOff);
    }
    return connection;
  }

  void Give(std::unique_ptr<Connection> connection) {
    absl::MutexLock lock(&mutex_);
    if (connection->IsBroken()) {
      --open_;
    } else {
      idle_.push_back({std::move(connection), RealClock::Get().Monotonic()});
    }
  }

 private:
  struct Idle {
    std::unique_ptr<Connection> connection;
    absl::Duration since;
  };

  bool Available() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return !idle_.empty() || open_ < size_; }

  const std::string url_;
  const int size_;
  absl::Mutex mutex_;
  std::vector<Idle> idle_ ABSL_GUARDED_BY(mutex_);
  int open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status last_failure_ ABSL_GUARDED_BY(mutex_);
  absl::Duration back_off_ ABSL_GUARDED_BY(mutex_) = kFirstBackOff;
  absl::Duration next_attempt_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
};

class PostgresDatabase final : public Database {
 public:
  PostgresDatabase(std::string url, const DatabaseOptions& options)
      : pool_(std::move(url), options.connections) {}

  Dialect dialect() const override { return Dialect::kPostgres; }

  absl::Status Write(WriteFunction function) override {
    absl::Duration pause = kFirstPause;
    for (int run = 1;; ++run) {
      const absl::Status status = RunOnce("BEGIN ISOLATION LEVEL READ COMMITTED", "COMMIT", function);
      if (!IsTransactionConflict(status) || run == kMaxRuns) return status;
      thread_local absl::InsecureBitGen random;
      absl::SleepFor(absl::Uniform(random, 0.0, 1.0) * pause);
      pause = std::min(2 * pause, kLongestPause);
    }
  }

  absl::Status Read(const ReadFunction& function) override {
    return RunOnce("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", "ROLLBACK", function);
  }

 private:
  // A connection in a transaction that begins with its first statement. One that was lost while it lay idle
  // shows so here, where nothing has been done yet: the next is taken.
  absl::StatusOr<std::unique_ptr<Connection>> Begin(const char* begin) {
    while (true) {
      bool fresh = false;
      SDA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, pool_.Take(fresh));
      absl::Status begun = fresh ? connection->Defer(begin, {}) : connection->Execute(begin, {}).status();
      if (begun.ok()) return connection;
      const bool lost = connection->IsBroken();
      pool_.Give(std::move(connection));
      if (!lost) return begun;
    }
  }

  absl::Status RunOnce(const char* begin, const char* end, const WriteFunction& function) {
    SDA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Begin(begin));
    Transaction transaction(*connection);
    absl::Status status = function(transaction);
    if (status.ok()) status = connection->Execute(end, {}).status();
    connection->DropDeferred();
    if (!connection->IsBroken() && connection->InTransaction())
      connection->Execute("ROLLBACK", {}).IgnoreError();
    pool_.Give(std::move(connection));
    return status;
  }

  ConnectionPool pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgresDatabase(const std::string& url, const Schema& schema,
                                                               const DatabaseOptions& options) {
  SDA_ASSIGN_OR_RETURN(const std::unique_ptr<Connection> connection, OpenPostgres(url));
  SDA_RETURN_IF_ERROR(Migrate(*connection, schema));
  return std::make_unique<PostgresDatabase>(url, options);
}

}  // namespace sda::sql
