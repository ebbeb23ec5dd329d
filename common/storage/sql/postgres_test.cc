#include <atomic>
#include <thread>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/storage/sql/database.h"
#include "common/storage/sql/idempotency.h"
#include "common/testing/eventually.h"
#include "common/testing/postgres_server.h"
#include "common/testing/test_store.h"

namespace sda::sql {
namespace {

using sda::testing::Eventually;
using sda::testing::PostgresServer;
using sda::testing::SharedPostgres;

Schema TestSchema() {
  Schema schema{"test",
                {{1, {"CREATE TABLE things (id BIGINT PRIMARY KEY, name TEXT, weight DOUBLE PRECISION)"}, {}},
                 {2, {"CREATE TABLE parts (thing BIGINT NOT NULL REFERENCES things (id))"}, {}}}};
  for (std::string& statement : IdempotencySchema())
    schema.migrations[0].statements.push_back(std::move(statement));
  return schema;
}

class PostgresTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!PostgresServer::IsInstalled()) GTEST_SKIP() << PostgresServer::kWhyNot;
    url_ = SharedPostgres().NewDatabase();
  }

  std::unique_ptr<Database> MustOpen() {
    auto database = Database::Open(url_, TestSchema());
    EXPECT_TRUE(database.ok()) << database.status();
    return database.ok() ? *std::move(database) : nullptr;
  }

  static absl::Status Insert(Database& database, int64_t id, const std::string& name = "x") {
    return database.Write([&](Transaction& t) {
      return t.Execute("INSERT INTO things (id, name, weight) VALUES (:id, :name, :weight)", {id, name, 0.5})
          .status();
    });
  }

  static int64_t Count(Database& database) {
    int64_t count = -1;
    const absl::Status read = database.Read([&](Transaction& t) -> absl::Status {
      SDA_ASSIGN_OR_RETURN(auto row, t.QueryOne<int64_t>("SELECT COUNT(*) FROM things"));
      count = std::get<0>(row.value());
      return absl::OkStatus();
    });
    EXPECT_TRUE(read.ok()) << read;
    return count;
  }

  std::string url_;
};

TEST_F(PostgresTest, ValuesComeBackExactly) {
  auto database = MustOpen();
  const std::string text = "clés, \"quotes\", 'ticks', :colons \\ \n 日本";
  const std::string bytes("\0\xff\x01 binary \0", 12);
  ASSERT_TRUE(database
                  ->Write([&](Transaction& t) -> absl::Status {
                    SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO things (id, name, weight) VALUES (:a, :b, :c)",
                                                  {std::numeric_limits<int64_t>::min(), text, 0.1 + 0.2})
                                            .status());
                    return t
                        .Execute("INSERT INTO things (id, name, weight) VALUES (:a, :b, :c)",
                                 {7, Bytes{bytes}, std::optional<double>()})
                        .status();
                  })
                  .ok());
  ASSERT_TRUE(
      database
          ->Read([&](Transaction& t) -> absl::Status {
            SDA_ASSIGN_OR_RETURN(auto first, (t.QueryOne<std::string, double>(
                                                 "SELECT name, weight FROM things WHERE id < :zero", {0})));
            EXPECT_EQ(first, std::make_tuple(text, 0.1 + 0.2));
            SDA_ASSIGN_OR_RETURN(auto second, (t.QueryOne<Bytes, std::optional<double>>(
                                                  "SELECT name, weight FROM things WHERE id = :id", {7})));
            EXPECT_EQ(std::get<0>(*second).data, bytes);
            EXPECT_EQ(std::get<1>(*second), std::nullopt);
            return absl::OkStatus();
          })
          .ok());
  EXPECT_EQ(Insert(*database, 9, std::string("a\0b", 3)).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PostgresTest, AFailedWriteLeavesNothingAndConstraintsAreNamed) {
  auto database = MustOpen();
  const absl::Status failed = database->Write([](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO things (id) VALUES (1)").status());
    return absl::InternalError("changed my mind");
  });
  EXPECT_EQ(failed, absl::InternalError("changed my mind"));
  ASSERT_TRUE(Insert(*database, 1).ok());
  EXPECT_EQ(GetErrorReason(Insert(*database, 1)), "CONSTRAINT");
  EXPECT_EQ(Count(*database), 1);
  const absl::Status wrote =
      database->Read([](Transaction& t) { return t.Execute("INSERT INTO things (id) VALUES (2)").status(); });
  EXPECT_FALSE(wrote.ok()) << "readers cannot write";
}

TEST_F(PostgresTest, DeferredStatementsRunInOrderBeforeTheNext) {
  auto database = MustOpen();
  int64_t seen = -1;
  const absl::Status written = database->Write([&](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1)"));
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (2)"));
    SDA_RETURN_IF_ERROR(t.Defer("DELETE FROM things WHERE id = :id", {1}));
    SDA_ASSIGN_OR_RETURN(const auto row, t.QueryOne<int64_t>("SELECT SUM(id) FROM things"));
    seen = std::get<0>(row.value());
    return t.Defer("INSERT INTO things (id) VALUES (3)");  // sent with the commit
  });
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(seen, 2);
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresTest, AnErrorOfADeferredStatementEndsItsTransactionAndNoOther) {
  auto database = MustOpen();
  const absl::Status at_commit = database->Write([](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1)"));
    return t.Defer("INSERT INTO things (id) VALUES (1 / :zero)", {0});
  });
  EXPECT_EQ(GetErrorReason(at_commit), "DATABASE_ERROR") << at_commit;
  const absl::Status amid = database->Write([](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1 / :zero)", {0}));
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1)"));
    return t.QueryOne<int64_t>("SELECT COUNT(*) FROM things").status();
  });
  EXPECT_EQ(GetErrorReason(amid), "DATABASE_ERROR") << amid;
  const absl::Status changed_mind = database->Write([](Transaction& t) -> absl::Status {
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1)"));
    return absl::InternalError("changed my mind");
  });
  EXPECT_EQ(changed_mind, absl::InternalError("changed my mind"));
  EXPECT_EQ(Count(*database), 0);
  EXPECT_TRUE(Insert(*database, 1).ok()) << "the connection is as good as before";
}

TEST_F(PostgresTest, ADeferredRowThatIsThereAlreadyRunsTheTransactionAgain) {
  auto database = MustOpen();
  ASSERT_TRUE(Insert(*database, 1).ok());
  int runs = 0;
  const absl::Status written = database->Write([&](Transaction& t) -> absl::Status {
    return t.Defer("INSERT INTO things (id) VALUES (:id)", {++runs});
  });
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(Count(*database), 2);
}

TEST_F(PostgresTest, WhatWasReadAheadIsReadAgainAfterAChange) {
  auto database = MustOpen();
  const auto count = [](Transaction& t) -> absl::StatusOr<int64_t> {
    SDA_ASSIGN_OR_RETURN(const auto row,
                         t.QueryOne<int64_t>("SELECT COUNT(*) FROM things WHERE id > :low", {0}));
    return std::get<0>(row.value());
  };
  std::vector<int64_t> counts;
  const absl::Status written = database->Write([&](Transaction& t) -> absl::Status {
    counts.clear();
    const auto ahead = [&] { return t.ReadAhead("SELECT COUNT(*) FROM things WHERE id > :low", {0}); };
    SDA_RETURN_IF_ERROR(ahead());
    SDA_RETURN_IF_ERROR(t.QueryOne<int64_t>("SELECT 1").status());
    SDA_ASSIGN_OR_RETURN(counts.emplace_back(), count(t));  // at hand
    SDA_RETURN_IF_ERROR(ahead());
    SDA_RETURN_IF_ERROR(t.Defer("INSERT INTO things (id) VALUES (1)"));
    SDA_ASSIGN_OR_RETURN(counts.emplace_back(), count(t));
    SDA_RETURN_IF_ERROR(ahead());
    SDA_RETURN_IF_ERROR(t.QueryOne<int64_t>("SELECT 1").status());
    SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO things (id) VALUES (2)").status());
    SDA_ASSIGN_OR_RETURN(counts.emplace_back(), count(t));
    return absl::OkStatus();
  });
  EXPECT_TRUE(written.ok()) << written;
  EXPECT_EQ(counts, (std::vector<int64_t>{0, 1, 2}));
}

TEST_F(PostgresTest, SeveralServersThatStartAtOnceMakeOneSchema) {
  std::vector<std::thread> servers;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 6; ++i) {
    servers.emplace_back([&] {
      auto database = Database::Open(url_, TestSchema());
      EXPECT_TRUE(database.ok()) << database.status();
      opened += database.ok() ? 1 : 0;
    });
  }
  for (std::thread& server : servers) server.join();
  EXPECT_EQ(opened, 6);
  EXPECT_TRUE(Insert(*MustOpen(), 1).ok());
}

TEST_F(PostgresTest, ANewerSchemaAndAnotherComponentAreRefused) {
  MustOpen().reset();
  Schema older = TestSchema();
  older.migrations.pop_back();
  EXPECT_EQ(GetErrorReason(Database::Open(url_, older).status()), "SCHEMA_TOO_NEW");
  Schema other = TestSchema();
  other.component = "other";
  EXPECT_EQ(GetErrorReason(Database::Open(url_, other).status()), "WRONG_COMPONENT");
}

TEST_F(PostgresTest, AFailedMigrationLeavesTheOldVersion) {
  MustOpen().reset();
  Schema broken = TestSchema();
  broken.migrations.push_back({3, {"CREATE TABLE more (id BIGINT)", "CREATE TABLE things (id BIGINT)"}, {}});
  EXPECT_THAT(std::string(Database::Open(url_, broken).status().message()),
              ::testing::HasSubstr("schema migration 3"));
  EXPECT_TRUE(Insert(*MustOpen(), 1).ok());
}

// Each pair of writers takes the same two rows in opposite orders: one of them is ended by the database and
// has to run again.
TEST_F(PostgresTest, DeadlocksAreRunAgain) {
  auto database = MustOpen();
  ASSERT_TRUE(Insert(*database, 1).ok());
  ASSERT_TRUE(Insert(*database, 2).ok());
  std::vector<std::thread> writers;
  std::atomic<int> runs = 0;
  for (int writer = 0; writer < 2; ++writer) {
    writers.emplace_back([&, writer] {
      for (int round = 0; round < 3; ++round) {
        const absl::Status written = database->Write([&](Transaction& t) -> absl::Status {
          ++runs;
          const char* const update = "UPDATE things SET weight = weight + 1 WHERE id = :id";
          SDA_RETURN_IF_ERROR(t.Execute(update, {1 + writer}).status());
          SDA_RETURN_IF_ERROR(
              t.Query<std::string>("SELECT CAST(pg_sleep(0.02) AS TEXT)").status());  // the other takes its
          return t.Execute(update, {2 - writer}).status();
        });
        EXPECT_TRUE(written.ok()) << written;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_GT(runs, 6) << "no deadlock came about";
  ASSERT_TRUE(database
                  ->Read([&](Transaction& t) -> absl::Status {
                    SDA_ASSIGN_OR_RETURN(auto rows, t.Query<double>("SELECT SUM(weight) FROM things"));
                    EXPECT_EQ(std::get<0>(rows.at(0)), 2 * 0.5 + 12);
                    return absl::OkStatus();
                  })
                  .ok());
}

TEST_F(PostgresTest, TheSameRequestThroughTwoServersIsDoneOnce) {
  auto first = MustOpen(), second = MustOpen();
  std::atomic<int> acted = 0;
  std::vector<std::thread> clients;
  std::vector<std::string> replies(8);
  for (size_t i = 0; i < replies.size(); ++i) {
    clients.emplace_back([&, i] {
      Database& database = i % 2 == 0 ? *first : *second;
      const absl::Status done = database.Write([&](Transaction& t) -> absl::Status {
        SDA_ASSIGN_OR_RETURN(
            replies[i],
            OncePerRequest(t, {"id", "method", "payload"}, "", absl::Now(),
                           [&]() -> absl::StatusOr<std::string> {
                             SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO things (id) VALUES (1)").status());
                             return absl::StrCat("reply of ", ++acted);
                           }));
        return absl::OkStatus();
      });
      EXPECT_TRUE(done.ok() || GetErrorReason(done) == "CONSTRAINT") << done;
    });
  }
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(Count(*first), 1);
}

TEST_F(PostgresTest, ADatabaseThatGoesAwayIsUnavailableAndFoundAgain) {
  auto database = MustOpen();
  ASSERT_TRUE(Insert(*database, 1).ok());
  SharedPostgres().Stop();
  const absl::Status away = Insert(*database, 2);
  EXPECT_EQ(away.code(), absl::StatusCode::kUnavailable) << away;
  EXPECT_EQ(GetErrorReason(away), "DATABASE_UNREACHABLE");
  EXPECT_EQ(database->Read([](Transaction&) { return absl::OkStatus(); }).code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Database::Open(url_, TestSchema()).status().code(), absl::StatusCode::kUnavailable);
  SharedPostgres().Start();
  EXPECT_TRUE(Eventually([&] { return Insert(*database, 3).ok(); }));
  EXPECT_EQ(Count(*database), 2);
}

TEST(PostgresUrlTest, IsReadByTheClientLibrary) {
  EXPECT_EQ(Database::Open("postgresql://host/x?no_such_option=1", TestSchema()).status().code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status nobody = Database::Open("postgresql://user:secret@127.0.0.1:1/x", TestSchema()).status();
  EXPECT_EQ(GetErrorReason(nobody), "DATABASE_UNREACHABLE");
  EXPECT_THAT(std::string(nobody.message()), ::testing::Not(::testing::HasSubstr("secret")));
}

}  // namespace
}  // namespace sda::sql
