#include "common/storage/sql/sqlite_database.h"

#include <deque>
#include <filesystem>
#include <system_error>
#include <thread>

#include <absl/base/thread_annotations.h>
#include <absl/strings/str_cat.h>
#include <absl/synchronization/mutex.h>
#include <absl/synchronization/notification.h>

#include "common/base/error.h"
#include "common/storage/sql/log_checkpointer.h"
#include "common/storage/sql/migrations.h"
#include "common/storage/sql/owner_lock.h"
#include "common/storage/sql/sqlite_connection.h"

namespace sda::sql {
namespace {

struct PendingWrite {
  Database::WriteFunction function;
  absl::Status status = {};
  absl::Notification done = {};
};

// Ends the open transaction, if the database has not done so itself.
void Rollback(Connection& connection) {
  if (connection.InTransaction()) connection.Execute("ROLLBACK", {}).IgnoreError();
}

// Runs one write in its own savepoint of the open transaction. False when the transaction itself was lost.
bool RunInSavepoint(Connection& connection, PendingWrite& write) {
  Transaction transaction(connection);
  write.status = transaction.Execute("SAVEPOINT one_write").status();
  if (write.status.ok()) write.status = write.function(transaction);
  if (!connection.InTransaction()) return false;
  if (!write.status.ok() && !transaction.Execute("ROLLBACK TO one_write").ok()) return false;
  return transaction.Execute("RELEASE one_write").ok();
}

// Commits all writes in one transaction. On failure nothing stays, and the status says why.
absl::Status RunTogether(Connection& connection, const std::vector<PendingWrite*>& group) {
  SDA_RETURN_IF_ERROR(connection.Execute("BEGIN IMMEDIATE", {}).status());
  for (PendingWrite* write : group) {
    if (!RunInSavepoint(connection, *write)) {
      Rollback(connection);
      return write->status.ok() ? absl::InternalError("database: transaction lost") : write->status;
    }
  }
  absl::Status committed = connection.Execute("COMMIT", {}).status();
  if (!committed.ok()) Rollback(connection);
  return committed;
}

// A group that fails as a whole (a full disk, say) is tried again one by one, so that each write gets its own
// answer.
void RunGroup(Connection& connection, const std::vector<PendingWrite*>& group) {
  const absl::Status together = RunTogether(connection, group);
  if (together.ok()) return;
  for (PendingWrite* write : group) {
    absl::Status alone = group.size() == 1 ? together : RunTogether(connection, {write});
    if (!alone.ok()) write->status = alone;
  }
}

absl::Status CreateFolder(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  if (!error) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition,
                   absl::StrCat(folder.string(), ": ", error.message()),
                   {.reason = "DATABASE_NOT_WRITABLE", .metadata = {}, .violations = {}});
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string path, const DatabaseOptions& options, std::unique_ptr<OwnerLock> owner,
                 std::unique_ptr<LogCheckpointer> checkpointer, std::unique_ptr<Connection> writer)
      : path_(std::move(path)),
        options_(options),
        owner_(std::move(owner)),
        checkpointer_(std::move(checkpointer)),
        writer_(std::move(writer)) {
    writer_thread_ = std::thread([this] { WriteLoop(); });
  }

  ~SqliteDatabase() override {
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
    }
    writer_thread_.join();
  }

  Dialect dialect() const override { return Dialect::kSqlite; }

  absl::Status Write(WriteFunction function) override {
    PendingWrite write{.function = std::move(function)};
    {
      absl::MutexLock lock(&mutex_);
      queue_.push_back(&write);
    }
    write.done.WaitForNotification();
    return write.status;
  }

  absl::Status Read(const ReadFunction& function) override {
    SDA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> reader, TakeReader());
    absl::Status status = reader->Execute("BEGIN", {}).status();
    if (status.ok()) {
      Transaction transaction(*reader);
      status = function(transaction);
    }
    Rollback(*reader);  // nothing to keep
    GiveReader(std::move(reader));
    return status;
  }

 private:
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); }

  void WriteLoop() {
    while (true) {
      std::vector<PendingWrite*> group;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &SqliteDatabase::HasWork));
        if (queue_.empty()) return;
        while (!queue_.empty() && static_cast<int>(group.size()) < options_.max_group) {
          group.push_back(queue_.front());
          queue_.pop_front();
        }
      }
      RunGroup(*writer_, group);
      for (PendingWrite* write : group) write->done.Notify();
      checkpointer_->BetweenCommits(*writer_);
    }
  }

  bool ReaderAvailable() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(readers_mutex_) {
    return !idle_readers_.empty() || open_readers_ < options_.readers;
  }

  absl::StatusOr<std::unique_ptr<Connection>> TakeReader() {
    {
      absl::MutexLock lock(&readers_mutex_);
      readers_mutex_.Await(absl::Condition(this, &SqliteDatabase::ReaderAvailable));
      if (!idle_readers_.empty()) {
        std::unique_ptr<Connection> reader = std::move(idle_readers_.back());
        idle_readers_.pop_back();
        return reader;
      }
      ++open_readers_;
    }
    auto reader = OpenSqlite(path_, {.read_only = true});
    if (!reader.ok()) {
      absl::MutexLock lock(&readers_mutex_);
      --open_readers_;
    }
    return reader;
  }

  void GiveReader(std::unique_ptr<Connection> reader) {
    absl::MutexLock lock(&readers_mutex_);
    idle_readers_.push_back(std::move(reader));
  }

  const std::string path_;
  const DatabaseOptions options_;
  const std::unique_ptr<OwnerLock> owner_;
  const std::unique_ptr<LogCheckpointer> checkpointer_;  // the writer calls it
  const std::unique_ptr<Connection> writer_;             // used by writer_thread_ alone

  absl::Mutex mutex_;
  std::deque<PendingWrite*> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  absl::Mutex readers_mutex_;
  std::vector<std::unique_ptr<Connection>> idle_readers_ ABSL_GUARDED_BY(readers_mutex_);
  int open_readers_ ABSL_GUARDED_BY(readers_mutex_) = 0;

  std::thread writer_thread_;  // last: it uses everything above
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqliteDatabase(const std::string& path, const Schema& schema,
                                                             const DatabaseOptions& options) {
  SDA_RETURN_IF_ERROR(CreateFolder(path));
  SDA_ASSIGN_OR_RETURN(auto owner, OwnerLock::Take(path));
  auto checkpointer = std::make_unique<LogCheckpointer>(path, options.log_pages);
  const auto on_commit = [&checkpointer = *checkpointer](int log_pages) { checkpointer.OnCommit(log_pages); };
  SDA_ASSIGN_OR_RETURN(auto writer, OpenSqlite(path, {.on_commit = on_commit}));
  if (absl::Status migrated = Migrate(*writer, schema); !migrated.ok()) return Annotate(migrated, path);
  return std::make_unique<SqliteDatabase>(path, options, std::move(owner), std::move(checkpointer),
                                          std::move(writer));
}

}  // namespace sda::sql
