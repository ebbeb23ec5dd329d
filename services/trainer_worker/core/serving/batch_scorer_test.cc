// Callers that are scored together: who gets what, when, and that it is always the same bytes.
#include "services/trainer_worker/core/serving/batch_scorer.h"

#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/error.h"
#include "common/numerics/rng.h"
#include "common/testing/eventually.h"
#include "common/testing/status_matchers.h"
#include "common/testing/temp_dir.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/testing/test_dataset.h"

namespace sda::trainer {
namespace {

using absl::StatusCode;
using sda::testing::Eventually;
using sda::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using trainer::testing::TestDataset;

// Layers that end within a vector and within a tile of rows.
const ModelSpec kDlrm{.embedding_dim = 12, .bottom_layers = {33}, .top_layers = {70, 19}};

class BatchScorerTest : public ::testing::Test {
 protected:
  void SetUp() override { manifest_ = TestDataset().Write(folder_ / "dataset"); }

  std::shared_ptr<const Predictor> Model(const std::string& name, const ModelSpec& spec = kDlrm) {
    const DlrmLayout layout(spec, ShapeOf(manifest_));
    DlrmWeights weights(layout);
    weights.Initialize(layout, 5);
    SDA_EXPECT_OK(WriteModel(folder_ / name,
                             {.spec = spec,
                              .manifest = manifest_,
                              .dataset_folder = folder_ / "dataset",
                              .metrics = {},
                              .stage_seconds = {}},
                             weights));
    auto model = Predictor::Load(folder_ / name);
    SDA_EXPECT_OK(model.status());
    return *std::move(model);
  }

  static EncodedRows RandomRows(int64_t rows, Rng& rng) {
    EncodedRows encoded;
    encoded.rows = rows;
    for (int64_t i = 0; i < 3 * rows; ++i) encoded.dense.push_back(static_cast<float>(rng.Uniform()));
    for (const uint64_t ids : {12, 40}) {
      EncodedRows::Table& table = encoded.tables.emplace_back();
      for (int64_t i = 0; i < rows; ++i) table.ids.push_back(static_cast<int32_t>(rng.Below(ids)));
    }
    return encoded;
  }

  // Each row by itself.
  static std::vector<float> OneByOne(const Predictor& model, const EncodedRows& rows) {
    std::vector<float> probabilities(rows.rows);
    EncodedRows row;
    for (int64_t i = 0; i < rows.rows; ++i) {
      Join({{&rows, i, i + 1}}, row);
      model.Score(row, &probabilities[i]);
    }
    return probabilities;
  }

  sda::testing::TempDir folder_;
  DatasetManifest manifest_;
};

// Holds the only thread after its first batch until Open.
class Gate {
 public:
  std::function<void(int64_t, int64_t)> Hook() {
    return [this](int64_t rows, int64_t requests) {
      {
        std::lock_guard lock(mutex_);
        batches_.emplace_back(rows, requests);
      }
      if (first_.exchange(false)) {
        entered_.count_down();
        opened_.wait();
      }
    };
  }
  void AwaitEntered() { entered_.wait(); }
  void Open() { opened_.count_down(); }
  // Rows and requests of each.
  std::vector<std::pair<int64_t, int64_t>> batches() {
    std::lock_guard lock(mutex_);
    return batches_;
  }

 private:
  std::atomic<bool> first_ = true;
  std::latch entered_{1}, opened_{1};
  std::mutex mutex_;
  std::vector<std::pair<int64_t, int64_t>> batches_;
};

TEST_F(BatchScorerTest, ResultsAreTheSameBytesWhoeverSharedTheBatch) {
  const std::vector<ModelSpec> specs = {
      kDlrm,
      {.embedding_dim = 6,
       .top_layers = {50},
       .interaction = Interaction::kCat,
       .dense_input = DenseInput::kDirect,
       .cross_layers = 2},
      {.embedding_dim = 5,
       .top_layers = {31},
       .interaction = Interaction::kCat,
       .dense_input = DenseInput::kDirect,
       .wide = true,
       .factorization = true},
  };
  for (size_t i = 0; i < specs.size(); ++i) {
    const auto model = Model(absl::StrCat("model-", i), specs[i]);
    BatchScorer scorer({.threads = 2, .max_batch_rows = 64, .max_delay = std::chrono::milliseconds(1)});
    std::vector<std::thread> callers;
    for (uint64_t caller = 0; caller < 8; ++caller) {
      callers.emplace_back([&, caller] {
        Rng rng(caller);
        for (int call = 0; call < 10; ++call) {
          const EncodedRows rows = RandomRows(1 + static_cast<int64_t>(rng.Below(call == 5 ? 300 : 40)), rng);
          SDA_ASSERT_OK_AND_ASSIGN(const auto together, scorer.Score(model, rows, {}));
          EXPECT_EQ(together, OneByOne(*model, rows)) << "caller " << caller << ", call " << call;
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(scorer.queued_rows(), 0);
  }
}

TEST_F(BatchScorerTest, RowsThatComeWhileAThreadIsBusyAreScoredTogether) {
  const auto model = Model("model");
  Gate gate;
  BatchScorer scorer({.threads = 1, .on_batch = gate.Hook()});
  Rng rng(1);
  const EncodedRows row = RandomRows(1, rng);
  std::vector<std::future<absl::StatusOr<std::vector<float>>>> calls;
  const auto call = [&] {
    calls.push_back(std::async(std::launch::async, [&] { return scorer.Score(model, row, {}); }));
  };
  call();
  gate.AwaitEntered();
  for (int i = 0; i < 6; ++i) call();
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 6; }));
  gate.Open();
  for (auto& answer : calls) SDA_EXPECT_OK(answer.get().status());
  EXPECT_THAT(gate.batches(), ElementsAre(std::pair(1, 1), std::pair(6, 6)));
}

TEST_F(BatchScorerTest, ABatchClosesWhenItIsFullBeforeTheDelayIsOver) {
  const auto model = Model("model");
  Gate gate;
  gate.Open();
  BatchScorer scorer(
      {.threads = 1, .max_batch_rows = 4, .max_delay = std::chrono::hours(1), .on_batch = gate.Hook()});
  Rng rng(1);
  const EncodedRows two = RandomRows(2, rng);
  auto first = std::async(std::launch::async, [&] { return scorer.Score(model, two, {}); });
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 2; }));
  SDA_EXPECT_OK(scorer.Score(model, two, {}).status());
  SDA_EXPECT_OK(first.get().status());
  EXPECT_THAT(gate.batches(), ElementsAre(std::pair(4, 2)));
}

TEST_F(BatchScorerTest, ABatchClosesWhenTheDelayIsOver) {
  const auto model = Model("model");
  BatchScorer scorer({.threads = 1, .max_delay = std::chrono::milliseconds(30)});
  Rng rng(1);
  const auto begin = std::chrono::steady_clock::now();
  SDA_EXPECT_OK(scorer.Score(model, RandomRows(1, rng), {}).status());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(30));
}

TEST_F(BatchScorerTest, ALargeRequestDoesNotHoldUpASmallOne) {
  const auto model = Model("model");
  std::promise<void> small_done;
  std::shared_future<void> small = small_done.get_future().share();
  std::atomic<int> batches = 0;
  std::latch entered(1), queued(1);
  BatchScorer scorer({.threads = 1, .max_batch_rows = 64, .on_batch = [&](int64_t, int64_t) {
                        const int batch = ++batches;
                        if (batch == 1) {
                          entered.count_down();
                          queued.wait();
                        }
                        // Of the 50 batches that the large request takes.
                        if (batch == 4) {
                          EXPECT_EQ(small.wait_for(std::chrono::seconds(20)), std::future_status::ready);
                        }
                      }});
  Rng rng(1);
  const EncodedRows many = RandomRows(64 * 50, rng), few = RandomRows(3, rng);
  auto large = std::async(std::launch::async, [&] { return scorer.Score(model, many, {}); });
  entered.wait();
  std::thread caller([&] {
    SDA_ASSERT_OK_AND_ASSIGN(const auto result, scorer.Score(model, few, {}));
    EXPECT_EQ(result, OneByOne(*model, few));
    small_done.set_value();
  });
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 64 * 49 + 3; }));
  queued.count_down();
  caller.join();
  SDA_ASSERT_OK_AND_ASSIGN(const auto result, large.get());
  EXPECT_EQ(result, OneByOne(*model, many));
}

TEST_F(BatchScorerTest, ModelsTakeTurns) {
  const auto busy = Model("busy"), idle = Model("idle");
  std::promise<void> idle_done;
  std::shared_future<void> served = idle_done.get_future().share();
  std::atomic<int> batches = 0;
  std::latch entered(1), queued(1);
  BatchScorer scorer({.threads = 1, .max_batch_rows = 64, .on_batch = [&](int64_t, int64_t) {
                        const int batch = ++batches;
                        if (batch == 1) {
                          entered.count_down();
                          queued.wait();
                        }
                        if (batch == 4) {
                          EXPECT_EQ(served.wait_for(std::chrono::seconds(20)), std::future_status::ready);
                        }
                      }});
  Rng rng(1);
  const EncodedRows many = RandomRows(64 * 20, rng), few = RandomRows(1, rng);
  auto large = std::async(std::launch::async, [&] { return scorer.Score(busy, many, {}); });
  entered.wait();
  std::thread caller([&] {
    SDA_EXPECT_OK(scorer.Score(idle, few, {}).status());
    idle_done.set_value();
  });
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 64 * 19 + 1; }));
  queued.count_down();
  caller.join();
  SDA_EXPECT_OK(large.get().status());
  EXPECT_EQ(batches, 21);
}

TEST_F(BatchScorerTest, AFullQueueRefusesWithAdvice) {
  const auto model = Model("model");
  Gate gate;
  BatchScorer scorer({.threads = 1, .max_queued_rows = 10, .on_batch = gate.Hook()});
  Rng rng(1);
  const EncodedRows one = RandomRows(1, rng), ten = RandomRows(10, rng), twenty = RandomRows(20, rng);
  auto first = std::async(std::launch::async, [&] { return scorer.Score(model, one, {}); });
  gate.AwaitEntered();
  auto second = std::async(std::launch::async, [&] { return scorer.Score(model, ten, {}); });
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 10; }));
  const auto refused = scorer.Score(model, one, {});
  EXPECT_THAT(refused, StatusIs(StatusCode::kResourceExhausted, HasSubstr("try again in")));
  const auto detail = GetErrorDetail(refused.status());
  ASSERT_TRUE(detail.has_value());
  EXPECT_EQ(detail->reason, "PREDICT_QUEUE_FULL");
  EXPECT_GE(std::stoi(detail->metadata.at("retry_after_ms")), 10);
  gate.Open();
  SDA_EXPECT_OK(first.get().status());
  SDA_EXPECT_OK(second.get().status());
  // Nobody waits: more than the bound is taken rather than never.
  SDA_EXPECT_OK(scorer.Score(model, twenty, {}).status());
}

TEST_F(BatchScorerTest, WhoGivesUpIsTakenOutOfTheQueue) {
  const auto model = Model("model");
  Gate gate;
  BatchScorer scorer({.threads = 1, .on_batch = gate.Hook()});
  Rng rng(1);
  const EncodedRows one = RandomRows(1, rng), ten = RandomRows(10, rng);
  auto first = std::async(std::launch::async, [&] { return scorer.Score(model, one, {}); });
  gate.AwaitEntered();
  std::stop_source stop;
  auto second = std::async(std::launch::async, [&] { return scorer.Score(model, ten, stop.get_token()); });
  ASSERT_TRUE(Eventually([&] { return scorer.queued_rows() == 10; }));
  stop.request_stop();
  EXPECT_THAT(second.get(), StatusIs(StatusCode::kCancelled)) << "while the thread is still held";
  EXPECT_EQ(scorer.queued_rows(), 0);
  EXPECT_THAT(scorer.Score(model, one, stop.get_token()), StatusIs(StatusCode::kCancelled));
  gate.Open();
  SDA_EXPECT_OK(first.get().status());
  EXPECT_EQ(gate.batches().size(), 1u);
}

TEST_F(BatchScorerTest, CallersComeAndGoInAnyOrder) {
  const std::vector<std::shared_ptr<const Predictor>> models = {Model("a"), Model("b"), Model("c")};
  std::atomic<int64_t> scored = 0;
  std::atomic<int> cancelled = 0;
  {
    BatchScorer scorer({.threads = 3,
                        .max_batch_rows = 16,
                        .max_delay = std::chrono::microseconds(200),
                        .max_queued_rows = 100'000,
                        .on_batch = [&](int64_t rows, int64_t) { scored += rows; }});
    std::vector<std::thread> callers;
    for (uint64_t caller = 0; caller < 10; ++caller) {
      callers.emplace_back([&, caller] {
        Rng rng(caller);
        for (int call = 0; call < 25; ++call) {
          const EncodedRows rows = RandomRows(1 + static_cast<int64_t>(rng.Below(60)), rng);
          std::stop_source stop;
          std::thread quitter;
          if (caller % 2 == 0) quitter = std::thread([&stop] { stop.request_stop(); });
          const auto result = scorer.Score(models[rng.Below(3)], rows, stop.get_token());
          if (result.ok()) {
            EXPECT_EQ(result->size(), static_cast<size_t>(rows.rows));
          } else {
            EXPECT_THAT(result, StatusIs(StatusCode::kCancelled));
            ++cancelled;
          }
          if (quitter.joinable()) quitter.join();
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(scorer.queued_rows(), 0);
  }
  EXPECT_GT(scored, 0);
  EXPECT_LE(cancelled, 5 * 25) << "those that never give up are all answered";
}

}  // namespace
}  // namespace sda::trainer
