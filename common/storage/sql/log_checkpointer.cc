#include "common/storage/sql/log_checkpointer.h"

#include <cstdint>
#include <utility>

#include "common/storage/sql/database.h"
#include "common/storage/sql/sqlite_connection.h"

namespace sda::sql {
namespace {

constexpr int kFewPages = 64;   // so few that moving them delays a commit by little more than a sync
constexpr int kMostPasses = 4;  // each moves what was written during the one before
constexpr int kFarTooLong = 4;  // times as long as it should be: the writer no longer waits for the thread

// Moves what no reader's snapshot keeps in the log; the number of pages that it has moved since the log
// began. Waits for nobody, and errors are left to the next time: nothing is lost while the log keeps its
// pages.
int Checkpoint(Connection& connection) {
  Transaction statements(connection);
  const auto row =
      statements.QueryOne<int64_t, int64_t, int64_t>("PRAGMA wal_checkpoint(PASSIVE)");  // busy, log, moved
  return row.ok() && row->has_value() ? static_cast<int>(std::get<2>(**row)) : 0;
}

}  // namespace

LogCheckpointer::LogCheckpointer(std::string path, int pages)
    : path_(std::move(path)), pages_(pages), next_pages_(pages) {
  thread_ = std::thread([this] { Loop(); });
}

LogCheckpointer::~LogCheckpointer() {
  {
    absl::MutexLock lock(&mutex_);
    state_ = State::kStopping;
  }
  thread_.join();
}

void LogCheckpointer::OnCommit(int log_pages) {
  if (log_pages < pages_) next_pages_ = pages_;  // the log began anew
  absl::MutexLock lock(&mutex_);
  log_pages_ = log_pages;
  if (log_pages >= next_pages_ && state_ == State::kIdle) state_ = State::kWanted;
}

void LogCheckpointer::BetweenCommits(Connection& writer) {
  int pages = 0;
  {
    absl::MutexLock lock(&mutex_);
    pages = log_pages_;
    if (state_ != State::kMoved && pages < next_pages_ + (kFarTooLong - 1) * pages_) return;
    if (state_ == State::kMoved) state_ = State::kIdle;
  }
  Checkpoint(writer);
  // A reader's snapshot may keep the log from beginning anew; the next try then comes after more pages.
  next_pages_ = pages + pages_ / 4;
}

bool LogCheckpointer::HasWork() const {
  return state_ == State::kWanted || state_ == State::kStopping;
}

int LogCheckpointer::log_pages() const {
  absl::MutexLock lock(&mutex_);
  return log_pages_;
}

void LogCheckpointer::Loop() {
  while (true) {
    {
      absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(this, &LogCheckpointer::HasWork));
      if (state_ == State::kStopping) return;
    }
    MovePages();
    absl::MutexLock lock(&mutex_);
    if (state_ == State::kWanted) state_ = State::kMoved;
  }
}

void LogCheckpointer::MovePages() {
  if (connection_ == nullptr) {
    auto opened = OpenSqlite(path_, {});
    if (!opened.ok()) return;
    connection_ = *std::move(opened);
  }
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const int moved = Checkpoint(*connection_);
    if (moved == 0 || log_pages() - moved <= kFewPages) return;
  }
}

}  // namespace sda::sql
