#ifndef SDA_COMMON_STORAGE_SQL_LOG_CHECKPOINTER_H_
#define SDA_COMMON_STORAGE_SQL_LOG_CHECKPOINTER_H_

#include <memory>
#include <string>
#include <thread>

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

#include "common/storage/sql/connection.h"

namespace sda::sql {

// Moves the pages of SQLite's write-ahead log into the database file, beside the writer. SQLite by itself
// does it within the commit that brings the log to a thousand pages, and everybody whose write waits for that
// commit then waits for the copying and two more syncs.
//
// The log begins anew only where it holds nothing that the database file lacks, and under a steady stream of
// writes another connection never gets that far: so the thread here moves all but the last pages, and then
// the writer, between two commits, moves those. What is on disk, and when, is as it was: a commit is
// acknowledged after the sync of the log.
class LogCheckpointer {
 public:
  // `pages` is the length of the log from which on its pages are moved, at least 1.
  LogCheckpointer(std::string path, int pages);
  ~LogCheckpointer();
  LogCheckpointer(const LogCheckpointer&) = delete;
  LogCheckpointer& operator=(const LogCheckpointer&) = delete;

  // After each commit of the writer, on its thread: the pages that the log holds now.
  void OnCommit(int log_pages);

  // Between two transactions of the writer, on its thread: moves the last pages where the others are moved,
  // or where the log has become four times as long as it should.
  void BetweenCommits(Connection& writer);

 private:
  enum class State { kIdle, kWanted, kMoved, kStopping };

  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();
  void MovePages();
  int log_pages() const;

  const std::string path_;
  const int pages_;
  std::unique_ptr<Connection> connection_;  // of thread_ alone
  int next_pages_;                          // of the writer's thread alone

  mutable absl::Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kIdle;
  int log_pages_ ABSL_GUARDED_BY(mutex_) = 0;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace sda::sql

#endif  // SDA_COMMON_STORAGE_SQL_LOG_CHECKPOINTER_H_
