#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sqlite3.h>

#include "common/storage/sql/database.h"
#include "common/testing/temp_dir.h"

// Acknowledged means synced: what reaches the disk, and when, as SQLite's own layer of files sees it.
namespace sda::sql {
namespace {

std::atomic<int64_t> log_syncs = 0;

// A file of the default layer with its syncs counted.
struct CountingFile {
  sqlite3_file base;
  bool is_log;
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

CountingFile* Of(sqlite3_file* file) {
  return reinterpret_cast<CountingFile*>(file);
}

template <auto Method, class... Args>
int Forward(sqlite3_file* file, Args... args) {
  sqlite3_file* const real = Of(file)->real();
  return (real->pMethods->*Method)(real, args...);
}

int CountingSync(sqlite3_file* file, int flags) {
  if (Of(file)->is_log) ++log_syncs;
  return Forward<&sqlite3_io_methods::xSync>(file, flags);
}

void ForwardBarrier(sqlite3_file* file) {
  sqlite3_file* const real = Of(file)->real();
  real->pMethods->xShmBarrier(real);
}

int CountingClose(sqlite3_file* file) {
  return Forward<&sqlite3_io_methods::xClose>(file);
}

const sqlite3_io_methods kMethods = {
    2,
    CountingClose,
    [](sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
      return Forward<&sqlite3_io_methods::xRead>(f, to, n, at);
    },
    [](sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
      return Forward<&sqlite3_io_methods::xWrite>(f, from, n, at);
    },
    [](sqlite3_file* f, sqlite3_int64 n) { return Forward<&sqlite3_io_methods::xTruncate>(f, n); },
    CountingSync,
    [](sqlite3_file* f, sqlite3_int64* n) { return Forward<&sqlite3_io_methods::xFileSize>(f, n); },
    [](sqlite3_file* f, int lock) { return Forward<&sqlite3_io_methods::xLock>(f, lock); },
    [](sqlite3_file* f, int lock) { return Forward<&sqlite3_io_methods::xUnlock>(f, lock); },
    [](sqlite3_file* f, int* out) { return Forward<&sqlite3_io_methods::xCheckReservedLock>(f, out); },
    [](sqlite3_file* f, int op, void* arg) { return Forward<&sqlite3_io_methods::xFileControl>(f, op, arg); },
    [](sqlite3_file* f) { return Forward<&sqlite3_io_methods::xSectorSize>(f); },
    [](sqlite3_file* f) { return Forward<&sqlite3_io_methods::xDeviceCharacteristics>(f); },
    [](sqlite3_file* f, int page, int size, int extend, void volatile** to) {
      return Forward<&sqlite3_io_methods::xShmMap>(f, page, size, extend, to);
    },
    [](sqlite3_file* f, int offset, int n, int flags) {
      return Forward<&sqlite3_io_methods::xShmLock>(f, offset, n, flags);
    },
    ForwardBarrier,
    [](sqlite3_file* f, int remove) { return Forward<&sqlite3_io_methods::xShmUnmap>(f, remove); },
    nullptr,
    nullptr,
};

sqlite3_vfs* real_vfs = nullptr;

int CountingOpen(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  CountingFile* const counting = Of(file);
  counting->base.pMethods = nullptr;
  counting->is_log = (flags & SQLITE_OPEN_WAL) != 0;
  const int code = real_vfs->xOpen(real_vfs, name, counting->real(), flags, out_flags);
  if (code == SQLITE_OK) counting->base.pMethods = &kMethods;
  return code;
}

// Files of every database opened from now on are counted.
void CountSyncs() {
  static sqlite3_vfs counting = [] {
    real_vfs = sqlite3_vfs_find(nullptr);
    sqlite3_vfs vfs = *real_vfs;  // the same functions, which take the layer from their arguments
    vfs.zName = "counting";
    vfs.pNext = nullptr;
    vfs.szOsFile = static_cast<int>(sizeof(CountingFile)) + real_vfs->szOsFile;
    vfs.xOpen = CountingOpen;
    return vfs;
  }();
  ASSERT_EQ(sqlite3_vfs_register(&counting, /*makeDflt=*/1), SQLITE_OK);
}

TEST(SyncCountTest, EveryAcknowledgedWriteIsSyncedAndThoseThatWaitTogetherShareOne) {
  CountSyncs();
  const sda::testing::TempDir folder;
  auto opened = Database::Open(folder / "test.db", {"test", {{1, {"CREATE TABLE things (id BIGINT)"}, {}}}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  Database& database = **opened;
  const auto insert = [&] {
    const int64_t before = log_syncs;
    const absl::Status written = database.Write(
        [](Transaction& t) { return t.Execute("INSERT INTO things (id) VALUES (1)").status(); });
    EXPECT_TRUE(written.ok()) << written;
    EXPECT_GT(log_syncs, before) << "acknowledged before it was on disk";
  };
  // One after the other: at least a sync each.
  const int64_t start = log_syncs;
  for (int i = 0; i < 20; ++i) insert();
  EXPECT_GE(log_syncs - start, 20);

  // Reads and writes that change nothing cost none.
  const int64_t idle = log_syncs;
  ASSERT_TRUE(database.Write([](Transaction&) { return absl::OkStatus(); }).ok());
  ASSERT_TRUE(database.Read([](Transaction&) { return absl::OkStatus(); }).ok());
  EXPECT_EQ(log_syncs, idle);

  // Many at a time: far fewer syncs than writes.
  constexpr int kWriters = 32, kWrites = 20;
  const int64_t before = log_syncs;
  std::vector<std::thread> writers;
  for (int w = 0; w < kWriters; ++w) {
    writers.emplace_back([&] {
      for (int i = 0; i < kWrites; ++i) insert();
    });
  }
  for (std::thread& writer : writers) writer.join();
  const int64_t syncs = log_syncs - before;
  EXPECT_LT(syncs, kWriters * kWrites / 3);
  RecordProperty("writes_per_sync_times_10",
                 static_cast<int>(10 * kWriters * kWrites / std::max<int64_t>(1, syncs)));
}

}  // namespace
}  // namespace sda::sql
