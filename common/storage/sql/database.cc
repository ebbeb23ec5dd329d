#include "common/storage/sql/database.h"

#include <deque>
#include <filesystem>
#include <system_error>
#include <thread>

#include <absl/base/thread_annotations.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/strip.h>
#include <absl/synchronization/mutex.h>

#include "common/base/error.h"
#include "common/base/strings.h"
#include "common/storage/sql/migrations.h"
#include "common/storage/sql/owner_lock.h"

namespace sda::sql {
namespace {

struct PendingWrite {
  Database::WriteFunction function;
  absl::Status status;
  bool done = false;
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

}  // namespace

struct Database::State {
  std::string path;
  DatabaseOptions options;
  std::unique_ptr<OwnerLock> owner;
  std::unique_ptr<Connection> writer;  // used by writer_thread alone

  absl::Mutex mutex;
  std::deque<PendingWrite*> queue ABSL_GUARDED_BY(mutex);
  bool stopping ABSL_GUARDED_BY(mutex) = false;

  absl::Mutex readers_mutex;
  std::vector<std::unique_ptr<Connection>> idle_readers ABSL_GUARDED_BY(readers_mutex);
  int open_readers ABSL_GUARDED_BY(readers_mutex) = 0;

  std::thread writer_thread;  // last: it uses everything above

  bool HasWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) { return stopping || !queue.empty(); }

  void WriteLoop() {
    while (true) {
      std::vector<PendingWrite*> group;
      {
        absl::MutexLock lock(&mutex);
        mutex.Await(absl::Condition(this, &State::HasWork));
        if (queue.empty()) return;
        while (!queue.empty() && static_cast<int>(group.size()) < options.max_group) {
          group.push_back(queue.front());
          queue.pop_front();
        }
      }
      RunGroup(*writer, group);
      absl::MutexLock lock(&mutex);
      for (PendingWrite* write : group) write->done = true;
    }
  }

  bool ReaderAvailable() ABSL_EXCLUSIVE_LOCKS_REQUIRED(readers_mutex) {
    return !idle_readers.empty() || open_readers < options.readers;
  }

  absl::StatusOr<std::unique_ptr<Connection>> TakeReader() {
    {
      absl::MutexLock lock(&readers_mutex);
      readers_mutex.Await(absl::Condition(this, &State::ReaderAvailable));
      if (!idle_readers.empty()) {
        std::unique_ptr<Connection> reader = std::move(idle_readers.back());
        idle_readers.pop_back();
        return reader;
      }
      ++open_readers;
    }
    auto reader = Connection::Open(path, {.read_only = true});
    if (!reader.ok()) {
      absl::MutexLock lock(&readers_mutex);
      --open_readers;
    }
    return reader;
  }

  void GiveReader(std::unique_ptr<Connection> reader) {
    absl::MutexLock lock(&readers_mutex);
    idle_readers.push_back(std::move(reader));
  }
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {
  state_->writer_thread = std::thread([state = state_.get()] { state->WriteLoop(); });
}

Database::~Database() {
  {
    absl::MutexLock lock(&state_->mutex);
    state_->stopping = true;
  }
  state_->writer_thread.join();
}

absl::StatusOr<std::string> SqlitePath(const std::string& url) {
  absl::string_view path = url;
  if (!absl::ConsumePrefix(&path, "sqlite://") && absl::StrContains(url, "://")) {
    return InvalidField("database", absl::StrCat("\"", url, "\" is neither a path nor a sqlite:// URL"));
  }
  if (path.empty() || path == ":memory:") {
    return InvalidField("database",
                        absl::StrCat("\"", url, "\" names no file; the database must survive a restart"));
  }
  // SOCI's connection string has no way to write one.
  if (absl::StrContains(path, '"')) return InvalidField("database", "holds a double quote");
  return std::string(path);
}

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& url, const Schema& schema,
                                                         const DatabaseOptions& options) {
  SDA_ASSIGN_OR_RETURN(std::string path, SqlitePath(url));
  auto state = std::make_unique<State>();
  state->path = path;
  state->options = options;
  SDA_RETURN_IF_ERROR(CreateFolder(path));
  SDA_ASSIGN_OR_RETURN(state->owner, OwnerLock::Take(path));
  SDA_ASSIGN_OR_RETURN(state->writer, Connection::Open(path, {}));
  if (absl::Status migrated = Migrate(*state->writer, schema); !migrated.ok())
    return Annotate(migrated, path);
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

absl::Status Database::Write(WriteFunction function) {
  PendingWrite write{.function = std::move(function), .status = {}, .done = false};
  absl::MutexLock lock(&state_->mutex);
  state_->queue.push_back(&write);
  state_->mutex.Await(absl::Condition(&write.done));
  return write.status;
}

absl::Status Database::Read(const ReadFunction& function) {
  SDA_ASSIGN_OR_RETURN(std::unique_ptr<Connection> reader, state_->TakeReader());
  absl::Status status = reader->Execute("BEGIN", {}).status();
  if (status.ok()) {
    Transaction transaction(*reader);
    status = function(transaction);
  }
  Rollback(*reader);  // nothing to keep
  state_->GiveReader(std::move(reader));
  return status;
}

}  // namespace sda::sql
