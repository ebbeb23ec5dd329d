#include "common/storage/sql/idempotency.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "common/base/error.h"

namespace sda::sql {
namespace {

constexpr absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

class IdempotencyTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "sda-sql-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    Schema schema{"test", {{1, IdempotencySchema()}}};
    schema.migrations[0].statements.push_back("CREATE TABLE calls (id BIGINT)");
    auto database = Database::Open(folder_ / "test.db", schema);
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
  }
  void TearDown() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  // A changing call: inserts a row and replies how many there are.
  absl::StatusOr<std::string> Call(const RequestKey& key, const std::string& scope = "") {
    std::string reply;
    SDA_RETURN_IF_ERROR(database_->Write([&](Transaction& t) -> absl::Status {
      SDA_ASSIGN_OR_RETURN(reply, OncePerRequest(t, key, scope, kNow, [&]() -> absl::StatusOr<std::string> {
                             SDA_RETURN_IF_ERROR(t.Execute("INSERT INTO calls (id) VALUES (1)").status());
                             if (key.payload == "bad") return absl::InvalidArgumentError("bad");
                             SDA_ASSIGN_OR_RETURN(auto rows, t.Query<int64_t>("SELECT id FROM calls"));
                             return std::to_string(rows.size());
                           }));
      return absl::OkStatus();
    }));
    return reply;
  }

  std::filesystem::path folder_;
  std::unique_ptr<Database> database_;
};

TEST_F(IdempotencyTest, TheFirstReplyIsGivenAgain) {
  EXPECT_EQ(*Call({"a", "m", "p"}), "1");
  EXPECT_EQ(*Call({"b", "m", "p"}), "2");
  EXPECT_EQ(*Call({"a", "m", "p"}), "1");
  EXPECT_EQ(*Call({"c", "m", "p"}), "3");
}

TEST_F(IdempotencyTest, AnIdUsedForSomethingElseIsRefused) {
  ASSERT_TRUE(Call({"a", "m", "p"}).ok());
  for (const RequestKey& key :
       {RequestKey{"a", "m", "q"}, RequestKey{"a", "n", "p"}, RequestKey{"a", "mp", ""}}) {
    const auto reply = Call(key);
    EXPECT_EQ(reply.status().code(), absl::StatusCode::kAlreadyExists);
    EXPECT_EQ(GetErrorReason(reply.status()), "REQUEST_ID_REUSED");
  }
}

TEST_F(IdempotencyTest, ARefusedCallLeavesItsIdFree) {
  EXPECT_EQ(Call({"a", "m", "bad"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(*Call({"a", "m", "good"}), "1");
}

TEST_F(IdempotencyTest, RecordsLiveWithTheirScopeAndThenUntilTheyAreOld) {
  ASSERT_TRUE(Call({"a", "m", "p"}, "experiments/e").ok());
  ASSERT_TRUE(Call({"b", "m", "p"}).ok());
  const auto forget = [&](absl::Time before) {
    int64_t forgotten = -1;
    EXPECT_TRUE(database_
                    ->Write([&](Transaction& t) -> absl::Status {
                      SDA_ASSIGN_OR_RETURN(forgotten, ForgetReplies(t, before));
                      return absl::OkStatus();
                    })
                    .ok());
    return forgotten;
  };
  EXPECT_EQ(forget(kNow), 0);
  EXPECT_EQ(forget(kNow + absl::Seconds(1)), 1);
  EXPECT_EQ(*Call({"a", "m", "p"}), "1");
  ASSERT_TRUE(database_->Write([](Transaction& t) { return ReleaseReplies(t, "experiments/e"); }).ok());
  EXPECT_EQ(forget(kNow + absl::Seconds(1)), 1);
}

}  // namespace
}  // namespace sda::sql
