#include "tests/benchmarks/bench_predict.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/numerics/rng.h"
#include "services/trainer_worker/core/data/dataset_reader.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/serving/batch_scorer.h"
#include "services/trainer_worker/core/serving/exported_model.h"
#include "services/trainer_worker/core/testing/test_dataset.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/train_config.h"

namespace sda::bench {
namespace {

using Clock = std::chrono::steady_clock;
using trainer::Predictor;
using trainer::RawColumn;

struct Options {
  std::string config = "kaggle";
  std::vector<int> callers = {1, 4, 16, 64};
  int64_t rows = 1;
  int threads = 1;
  int64_t delay_us = 0;
  double seconds = 1;
  bool json = false;
};

// Vocabularies are read as text: larger tables would measure reading.
constexpr int64_t kMostTableRows = 20'000;
constexpr int kDistinctCalls = 64;

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

// A model of the configuration's shape in a folder that goes with this.
class ModelOnDisk {
 public:
  explicit ModelOnDisk(const TrainConfig& config)
      : folder_(std::filesystem::temp_directory_path() / absl::StrCat("sda-bench-predict-", getpid())) {
    trainer::testing::TestDataset dataset;
    dataset.dense_columns = static_cast<int>(config.inputs.dense_columns);
    dataset.table_rows = config.inputs.table_rows;
    for (int64_t& rows : dataset.table_rows) rows = std::clamp<int64_t>(rows, 3, kMostTableRows);
    dataset.split_rows = {{"train", 1}, {"validation", 1}, {"test", 1}};
    manifest_ = dataset.Write(folder_ / "dataset");
    const trainer::DlrmLayout layout(config.model, trainer::ShapeOf(manifest_));
    trainer::DlrmWeights weights(layout);
    weights.Initialize(layout, 1);
    written_ = trainer::WriteModel(path(),
                                   {.spec = config.model,
                                    .manifest = manifest_,
                                    .dataset_folder = folder_ / "dataset",
                                    .metrics = {},
                                    .stage_seconds = {}},
                                   weights);
  }
  ~ModelOnDisk() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  ModelOnDisk(const ModelOnDisk&) = delete;
  ModelOnDisk& operator=(const ModelOnDisk&) = delete;

  const absl::Status& written() const { return written_; }
  std::string path() const { return folder_ / "model"; }
  const DatasetManifest& manifest() const { return manifest_; }

 private:
  const std::filesystem::path folder_;
  DatasetManifest manifest_;
  absl::Status written_;
};

// Raw rows as they come in requests.
class RawRows {
 public:
  RawRows(const DatasetManifest& manifest, int64_t rows, uint64_t seed) {
    Rng rng(seed);
    text_.reserve(manifest.columns.size() * static_cast<size_t>(rows));
    for (const ManifestColumn& column : manifest.columns) {
      RawColumn& raw = columns_.emplace_back();
      raw.name = column.name;
      for (int64_t row = 0; row < rows; ++row) {
        text_.push_back(
            column.role == ColumnRole::kDense
                ? absl::StrCat(rng.Uniform())
                : absl::StrCat(column.name, "-", 2 + rng.Below(static_cast<uint64_t>(column.table_rows))));
        raw.values.emplace_back(text_.back());
      }
    }
  }
  const std::vector<RawColumn>& columns() const { return columns_; }

 private:
  std::vector<std::string> text_;
  std::vector<RawColumn> columns_;
};

struct Measured {
  double seconds = 0;
  int64_t calls = 0;
  std::vector<double> call_seconds;  // sorted
};

using Ask = std::function<absl::Status(const std::vector<RawColumn>&)>;

absl::StatusOr<Measured> Run(int callers, double seconds, const std::vector<RawRows>& rows, const Ask& ask) {
  std::vector<std::vector<double>> times(callers);
  std::vector<absl::Status> ended(callers);
  const auto begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::thread> threads;
  for (int caller = 0; caller < callers; ++caller) {
    threads.emplace_back([&, caller] {
      for (size_t call = static_cast<size_t>(caller); Clock::now() < end && ended[caller].ok(); ++call) {
        const auto asked = Clock::now();
        ended[caller] = ask(rows[call % rows.size()].columns());
        times[caller].push_back(Seconds(Clock::now() - asked));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Measured measured;
  measured.seconds = Seconds(Clock::now() - begin);
  for (int caller = 0; caller < callers; ++caller) {
    SDA_RETURN_IF_ERROR(ended[caller]);
    measured.call_seconds.insert(measured.call_seconds.end(), times[caller].begin(), times[caller].end());
  }
  measured.calls = static_cast<int64_t>(measured.call_seconds.size());
  std::sort(measured.call_seconds.begin(), measured.call_seconds.end());
  return measured;
}

double Quantile(const std::vector<double>& sorted, double share) {
  return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
}

void Print(const Options& options, const char* mode, int callers, const Measured& measured,
           double batch_rows) {
  auto report = BeginReport("predict", options.threads, measured.seconds);
  report["config"] = options.config;
  report["mode"] = mode;
  report["callers"] = callers;
  report["rows_per_call"] = options.rows;
  report["delay_us"] = options.delay_us;
  report["rows_per_s"] = static_cast<double>(measured.calls * options.rows) / measured.seconds;
  report["call_ms_p50"] = 1e3 * Quantile(measured.call_seconds, 0.5);
  report["call_ms_p99"] = 1e3 * Quantile(measured.call_seconds, 0.99);
  report["batch_rows_mean"] = batch_rows;
  PrintReport(report, options.json);
}

absl::Status Run(const Options& options) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* const isa = std::getenv("SDA_MAX_ISA");
  SDA_RETURN_IF_ERROR(trainer::LimitIsa(std::string_view(isa == nullptr ? "" : isa)));
  SDA_ASSIGN_OR_RETURN(const TrainConfig config, FindTrainConfig(options.config));
  const ModelOnDisk on_disk(config);
  SDA_RETURN_IF_ERROR(on_disk.written());
  SDA_ASSIGN_OR_RETURN(const std::shared_ptr<const Predictor> model, Predictor::Load(on_disk.path()));
  std::vector<RawRows> rows;
  rows.reserve(kDistinctCalls);
  for (uint64_t call = 0; call < kDistinctCalls; ++call)
    rows.emplace_back(on_disk.manifest(), options.rows, call);

  for (const int callers : options.callers) {
    SDA_ASSIGN_OR_RETURN(const Measured alone,
                         Run(callers, options.seconds, rows, [&](const std::vector<RawColumn>& columns) {
                           return model->Predict(columns).status();
                         }));
    Print(options, "alone", callers, alone, static_cast<double>(options.rows));
    std::atomic<int64_t> batches = 0, scored = 0;
    trainer::BatchScorer scorer({.threads = options.threads,
                                 .max_delay = std::chrono::microseconds(options.delay_us),
                                 .on_batch = [&](int64_t batch_rows, int64_t) {
                                   ++batches;
                                   scored += batch_rows;
                                 }});
    SDA_ASSIGN_OR_RETURN(
        const Measured together,
        Run(callers, options.seconds, rows, [&](const std::vector<RawColumn>& columns) -> absl::Status {
          SDA_ASSIGN_OR_RETURN(const trainer::EncodedRows encoded, model->Encode(columns));
          return scorer.Score(model, encoded, {}).status();
        }));
    Print(options, "together", callers, together,
          static_cast<double>(scored) / static_cast<double>(std::max<int64_t>(1, batches)));
  }
  return absl::OkStatus();
}

}  // namespace

int BenchPredict(int argc, char** argv) {
  Options options;
  CLI::App app("Times predictions of callers that ask at the same time, alone and scored together",
               "sda-bench predict");
  app.add_option("--config", options.config,
                 "shape of the model, as for train; its tables are cut to 20,000 rows");
  app.add_option("--callers", options.callers, "callers at a time; several are measured one after the other")
      ->check(CLI::Range(1, 1024))
      ->delimiter(',');
  app.add_option("--rows", options.rows, "rows a call")->check(CLI::Range(int64_t{1}, int64_t{100'000}));
  app.add_option("--threads", options.threads, "threads that score batches")->check(CLI::Range(1, 1024));
  app.add_option("--delay-us", options.delay_us, "how long a batch waits for more rows")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}));
  app.add_option("--seconds", options.seconds, "of each measurement")->check(CLI::Range(0.01, 3600.0));
  app.add_flag("--json", options.json, "one line of JSON a measurement");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::cerr << "sda-bench predict: " << std::string(status.message()) << "\n";
  return absl::IsInternal(status) ? 1 : 2;
}

}  // namespace sda::bench
