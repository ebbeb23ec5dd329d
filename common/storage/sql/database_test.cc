#include "common/storage/sql/database.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "common/base/error.h"

namespace sda::sql {
namespace {

using ::testing::HasSubstr;

const Schema& TestSchema() {
  static const Schema schema{
      "test",
      {{1, {"CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT, weight DOUBLE PRECISION)"}},
       {2, {"CREATE TABLE parts (thing BIGINT NOT NULL REFERENCES things (id))"}}}};
  return schema;
}

class DatabaseTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sda-sql-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name = "test.db") const { return folder_ / name; }

  std::unique_ptr<Database> MustOpen(const Schema& schema = TestSchema()) {
    auto database = Database::Open(Path(), schema);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  static absl::Status Insert(Database& database, int64_t id, const std::string& name) {
    return database.Write([&](Transaction& t) {
      return t.Execute("INSERT INTO things (id, name, weight) VALUES (:id, :name, :weight)", {id, name, 0.5})
          .status();
    });
  }

  static int64_t Count(Database& database) {
    int64_t count = -1;
    EXPECT_TRUE(database
                    .Read([&](Transaction& t) -> absl::Status {
                      SDA_ASSIGN_OR_RETURN(auto row, t.QueryOne<int64_t>("SELECT COUNT(*) FROM things"));
                      count = std::get<0>(row.value());
                      return absl::OkStatus();
                    })
                    .ok());
    return count;
  }

  std::filesystem::path folder_;
};

TEST_F(DatabaseTest, ValuesComeBackExactly) {
  auto database = MustOpen();
  const std::string text = "clés, \"quotes\", 'ticks', :colons \n 日本";
  const std::string bytes("\0\xff\x01 binary \0", 12);
  const double weight = 0.1 + 0.2;
  const int64_t id = std::numeric_limits<int64_t>::min();
  ASSERT_TRUE(
      database
          ->Write([&](Transaction& t) -> absl::Status {
            SDA_RETURN_IF_ERROR(t.Execute("CREATE TABLE raw (bytes TEXT)").status());
            SDA_RETURN_IF_ERROR(
                t.Execute("INSERT INTO raw (bytes) VALUES (:bytes)", {Bytes{bytes}}).status());
            return t.Execute("INSERT INTO things (id, name, weight) VALUES (:a, :b, :c)", {id, text, weight})
                .status();
          })
          .ok());
  ASSERT_TRUE(database
                  ->Read([&](Transaction& t) -> absl::Status {
                    SDA_ASSIGN_OR_RETURN(
                        auto rows,
                        (t.Query<int64_t, std::string, double>("SELECT id, name, weight FROM things")));
                    EXPECT_EQ(rows.size(), 1u);
                    EXPECT_EQ(rows[0], std::make_tuple(id, text, weight));
                    SDA_ASSIGN_OR_RETURN(auto raw, t.QueryOne<Bytes>("SELECT bytes FROM raw"));
                    EXPECT_EQ(std::get<0>(raw.value()).data, bytes);
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(DatabaseTest, NullIsAnEmptyOptionalAndAnErrorOtherwise) {
  auto database = MustOpen();
  ASSERT_TRUE(database
                  ->Write([](Transaction& t) {
                    return t
                        .Execute("INSERT INTO things (id, name, weight) VALUES (1, :name, :weight)",
                                 {std::optional<std::string>(), std::optional<double>()})
                        .status();
                  })
                  .ok());
  const absl::Status read = database->Read([](Transaction& t) -> absl::Status {
    SDA_ASSIGN_OR_RETURN(
        auto row,
        (t.QueryOne<std::optional<std::string>, std::optional<double>>("SELECT name, weight FROM things")));
    EXPECT_EQ(row, std::make_tuple(std::optional<std::string>(), std::optional<double>()));
    return t.QueryOne<std::string>("SELECT name FROM things").status();
  });
  EXPECT_EQ(read.code(), absl::StatusCode::kInternal) << read;
}

TEST_F(DatabaseTest, AStatementServesNullAndValuesInTurn) {
  auto database = MustOpen();
  ASSERT_TRUE(
      database
          ->Write([](Transaction& t) -> absl::Status {
            for (int64_t id = 0; id < 4; ++id) {
              const std::optional<double> weight = id % 2 == 0 ? std::optional<double>(id) : std::nullopt;
              SDA_RETURN_IF_ERROR(
                  t.Execute("INSERT INTO things (id, weight) VALUES (:id, :weight)", {id, weight}).status());
            }
            return absl::OkStatus();
          })
          .ok());
  ASSERT_TRUE(database
                  ->Read([](Transaction& t) -> absl::Status {
                    SDA_ASSIGN_OR_RETURN(
                        auto rows, t.Query<std::optional<double>>("SELECT weight FROM things ORDER BY id"));
                    EXPECT_EQ(rows.size(), 4u);
                    EXPECT_EQ(std::get<0>(rows[1]), std::nullopt);
                    EXPECT_EQ(std::get<0>(rows[2]), 2.0);
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(DatabaseTest, AFailedWriteLeavesNothing) {
  auto database = MustOpen();
  const absl::Status failed = database->Write([](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO things (id) VALUES (1)").status());
    return absl::AbortedError("changed my mind");
  });
  EXPECT_EQ(failed, absl::AbortedError("changed my mind"));
  EXPECT_EQ(Count(*database), 0);
}

TEST_F(DatabaseTest, ConstraintsBecomeAlreadyExists) {
  auto database = MustOpen();
  ASSERT_TRUE(Insert(*database, 1, "a").ok());
  EXPECT_EQ(Insert(*database, 1, "b").code(), absl::StatusCode::kAlreadyExists);
  const absl::Status orphan = database->Write(
      [](Transaction& t) { return t.Execute("INSERT INTO parts (thing) VALUES (99)").status(); });
  EXPECT_EQ(orphan.code(), absl::StatusCode::kAlreadyExists) << orphan;
  EXPECT_EQ(Count(*database), 1);
}

TEST_F(DatabaseTest, ReadersCannotWrite) {
  auto database = MustOpen();
  const absl::Status status =
      database->Read([](Transaction& t) { return t.Execute("INSERT INTO things (id) VALUES (1)").status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
}

TEST_F(DatabaseTest, AReaderKeepsItsSnapshotWhileOthersWrite) {
  auto database = MustOpen();
  ASSERT_TRUE(Insert(*database, 1, "a").ok());
  ASSERT_TRUE(database
                  ->Read([&](Transaction& t) -> absl::Status {
                    SDA_ASSIGN_OR_RETURN(auto before, t.QueryOne<int64_t>("SELECT COUNT(*) FROM things"));
                    SDA_RETURN_IF_ERROR(Insert(*database, 2, "b"));
                    SDA_ASSIGN_OR_RETURN(auto after, t.QueryOne<int64_t>("SELECT COUNT(*) FROM things"));
                    EXPECT_EQ(before, after);
                    return absl::OkStatus();
                  })
                  .ok());
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(DatabaseTest, WritesOfManyThreadsAllCommitAndFailuresStayAlone) {
  auto database = MustOpen();
  std::vector<std::thread> threads;
  std::atomic<int> refused = 0;
  for (int thread = 0; thread < 8; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 50; ++i) {
        // Every id is tried by two threads; one of them must be refused.
        if (!Insert(*database, (thread / 2) * 1000 + i, "x").ok()) ++refused;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Count(*database), 4 * 50);
  EXPECT_EQ(refused, 4 * 50);
}

TEST_F(DatabaseTest, ReopeningFindsWhatWasCommitted) {
  ASSERT_TRUE(Insert(*MustOpen(), 7, "seven").ok());
  EXPECT_EQ(Count(*MustOpen()), 1);
}

TEST_F(DatabaseTest, ASecondOwnerIsRefusedUntilTheFirstIsGone) {
  auto first = MustOpen();
  auto second = Database::Open(Path(), TestSchema());
  EXPECT_EQ(GetErrorReason(second.status()), "DATABASE_IN_USE") << second.status();
  first.reset();
  EXPECT_TRUE(Database::Open(Path(), TestSchema()).ok());
}

TEST_F(DatabaseTest, MigrationsRunOnceAndForward) {
  Schema first = TestSchema();
  first.migrations.pop_back();
  ASSERT_TRUE(Insert(*MustOpen(first), 1, "a").ok());
  auto database = MustOpen();
  EXPECT_EQ(Count(*database), 1);
  EXPECT_TRUE(
      database
          ->Write([](Transaction& t) { return t.Execute("INSERT INTO parts (thing) VALUES (1)").status(); })
          .ok());
}

TEST_F(DatabaseTest, AFailedMigrationLeavesTheOldVersion) {
  Schema broken = TestSchema();
  broken.migrations.push_back({3, {"CREATE TABLE more (id BIGINT)", "CREATE TABLE things (id BIGINT)"}});
  MustOpen().reset();
  EXPECT_THAT(std::string(Database::Open(Path(), broken).status().message()),
              HasSubstr("schema migration 3"));
  Schema repaired = TestSchema();
  repaired.migrations.push_back({3, {"CREATE TABLE more (id BIGINT)"}});
  EXPECT_TRUE(Database::Open(Path(), repaired).ok());
}

TEST_F(DatabaseTest, ANewerSchemaIsRefusedByAnOlderProgram) {
  MustOpen().reset();
  Schema older = TestSchema();
  older.migrations.pop_back();
  auto opened = Database::Open(Path(), older);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(GetErrorReason(opened.status()), "SCHEMA_TOO_NEW");
}

TEST_F(DatabaseTest, AnotherComponentsDatabaseIsRefused) {
  MustOpen().reset();
  Schema other = TestSchema();
  other.component = "other";
  EXPECT_EQ(GetErrorReason(Database::Open(Path(), other).status()), "WRONG_COMPONENT");
}

TEST_F(DatabaseTest, AFileThatIsNoDatabaseIsRefused) {
  std::ofstream(Path()) << std::string(8192, 'x');
  EXPECT_EQ(Database::Open(Path(), TestSchema()).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(DatabaseTest, UrlsNameFiles) {
  EXPECT_EQ(SqlitePath("sqlite:///a/b.db").value(), "/a/b.db");
  EXPECT_EQ(SqlitePath("a b.db").value(), "a b.db");
  EXPECT_EQ(SqlitePath("mysql://x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(SqlitePath(":memory:").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(Database::Open(Path("a folder/it's here.db"), TestSchema()).ok());
  EXPECT_TRUE(std::filesystem::exists(Path("a folder/it's here.db")));
}

TEST_F(DatabaseTest, AFolderThatCannotBeMadeIsNamed) {
  std::ofstream(Path("file")) << "x";
  auto opened = Database::Open(Path("file/test.db"), TestSchema());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition) << opened.status();
  EXPECT_THAT(std::string(opened.status().message()), HasSubstr(Path("file")));
}

TEST_F(DatabaseTest, AFullDiskIsResourceExhaustedAndPasses) {
  const std::string disk = Path("disk");
  std::filesystem::create_directory(disk);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=512k") != 0)
    GTEST_SKIP() << "mounting a tmpfs is not permitted";
  {
    auto database = Database::Open(disk + "/test.db", TestSchema());
    ASSERT_TRUE(database.ok()) << database.status();
    ASSERT_TRUE(Insert(**database, 0, "kept").ok());
    absl::Status status;
    int64_t stored = 1;
    for (int i = 1; i < 1000 && status.ok(); ++i) {
      status = Insert(**database, i, std::string(4000, 'x'));
      if (status.ok()) ++stored;
    }
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_EQ(GetErrorReason(status), "DISK_FULL");
    EXPECT_EQ(Count(**database), stored);
    ASSERT_EQ(mount("tmpfs", disk.c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
    EXPECT_TRUE(Insert(**database, 5000, "after").ok());
    EXPECT_EQ(Count(**database), stored + 1);
  }
  umount(disk.c_str());
}

}  // namespace
}  // namespace sda::sql
