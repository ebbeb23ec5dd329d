#include "tests/benchmarks/bench_preprocess.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <unistd.h>

#include "common/base/status_macros.h"
#include "common/storage/artefact_store.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/datagen/criteo_log.h"
#include "services/preprocessing/core/dataset_output.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/criteo_parquet.h"

namespace sda::bench {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct Options {
  int64_t rows = 1'000'000;
  int64_t seed = 1;
  int64_t memory_limit = 0;
  int threads = UsableCores();
  std::string input_format = "tsv";
  std::string work_folder =
      (fs::temp_directory_path() / ("sda-bench-" + std::to_string(::getpid()))).string();
  bool json = false;
};

class StoreOutput final : public preprocessing::DatasetOutput {
 public:
  explicit StoreOutput(const ArtefactStore& store) : store_(store) {}

  absl::Status Write(const std::string& path, std::string_view bytes) override {
    return store_.Write(path, bytes);
  }
  absl::Status Remove(const std::string& path) override { return store_.Remove(path); }

 private:
  const ArtefactStore& store_;
};

// The log as a file of the wanted format; its path.
absl::StatusOr<std::string> MakeInput(const Options& options) {
  const std::string tsv = options.work_folder + "/log.tsv";
  const preprocessing::datagen::CriteoLogOptions log{
      .rows = options.rows, .seed = options.seed, .threads = options.threads};
  SDA_RETURN_IF_ERROR(preprocessing::datagen::WriteCriteoLog(log, tsv).status());
  if (options.input_format == "tsv") return tsv;
  const std::string parquet = options.work_folder + "/log.parquet";
  SDA_RETURN_IF_ERROR(ConvertCriteoToParquet(tsv, parquet));
  fs::remove(tsv);
  return parquet;
}

absl::Status Run(const Options& options) {
  fs::create_directories(options.work_folder);
  SDA_ASSIGN_OR_RETURN(const std::string input, MakeInput(options));
  SDA_ASSIGN_OR_RETURN(const auto store, ArtefactStore::Open(options.work_folder + "/dataset"));
  StoreOutput output(*store);
  const preprocessing::DatasetSpec spec{.data_uris = {input}, .label = "label"};

  std::map<std::string, Clock::time_point> stage_began;
  preprocessing::RunSettings settings{.threads = options.threads};
  settings.on_progress = [&](const preprocessing::Progress& progress) {
    stage_began.try_emplace(progress.stage, Clock::now());
  };
  ResetPeakMemory();
  const Clock::time_point began = Clock::now();
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest,
                       preprocessing::CreateDataset(spec, "datasets/bench", settings, output));
  const Clock::time_point ended = Clock::now();

  const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
  const double total = seconds(ended - began);
  const auto input_bytes = static_cast<int64_t>(fs::file_size(input));
  const int64_t peak = PeakMemoryBytes();
  auto report = BeginReport("preprocess", options.threads, total);
  report["rows"] = options.rows;
  report["rows_per_s"] = static_cast<double>(options.rows) / total;
  report["input_format"] = options.input_format;
  report["input_bytes"] = input_bytes;
  report["mb_per_s"] = static_cast<double>(input_bytes) / 1e6 / total;
  report["peak_rss_bytes"] = peak;
  report["memory_limit_bytes"] = options.memory_limit;
  report["pass_seconds"] = {{"fit", seconds(stage_began["encode"] - began)},
                            {"encode", seconds(ended - stage_began["encode"])}};
  report["digest"] = manifest.digest;
  PrintReport(report, options.json);
  if (options.memory_limit > 0 && peak > options.memory_limit) {
    return absl::ResourceExhaustedError("took more memory than --memory-limit");
  }
  return absl::OkStatus();
}

}  // namespace

int BenchPreprocess(int argc, char** argv) {
  Options options;
  CLI::App app("Times the making of a dataset from a generated click log", "sda-bench preprocess");
  app.add_option("--rows", options.rows, "rows of the log")
      ->check(CLI::Range(int64_t{1}, int64_t{10'000'000'000}));
  app.add_option("--seed", options.seed, "seed of the log");
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--memory-limit", options.memory_limit, "bytes; taking more fails; 0: no limit")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--input-format", options.input_format, "tsv or parquet")
      ->check(CLI::IsMember({"tsv", "parquet"}));
  app.add_option("--work-folder", options.work_folder, "where log and dataset go; removed afterwards");
  app.add_flag("--json", options.json, "one line of JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(options);
  std::error_code ignored;
  fs::remove_all(options.work_folder, ignored);
  if (status.ok()) return 0;
  std::cerr << "sda-bench preprocess: " << std::string(status.message()) << "\n";
  return 1;
}

}  // namespace sda::bench
