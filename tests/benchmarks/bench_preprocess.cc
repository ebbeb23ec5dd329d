#include "tests/benchmarks/bench_preprocess.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>
#include <unistd.h>

#include "common/base/cpu_time.h"
#include "common/base/row_hash.h"
#include "common/base/status_macros.h"
#include "common/storage/artefact_store.h"
#include "services/preprocessing/core/create_dataset.h"
#include "services/preprocessing/core/datagen/criteo_log.h"
#include "services/preprocessing/core/dataset_output.h"
#include "services/preprocessing/core/pipeline/pipeline_yaml.h"
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
  int64_t sizes_of_rows = 0;
  std::string log = "criteo";
  std::string pipeline;  // a file; empty: roles and encodings as the service chooses them
  std::string input_format = "tsv";
  std::string input;  // a log made before; empty: made here
  std::string keep;   // where the dataset stays; empty: removed
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
  absl::StatusOr<std::unique_ptr<ArtefactWriter>> Create(const std::string& path) override {
    return store_.Create(path);
  }
  absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> Open(const std::string& path) override {
    return store_.OpenUnmapped(path);
  }
  absl::Status Remove(const std::string& path) override { return store_.Remove(path); }
  absl::Status Clear() override { return absl::OkStatus(); }  // the folder is new

 private:
  const ArtefactStore& store_;
};

// A label, a number, and four columns of 28 bytes whose values are nearly all different: vocabularies that no
// memory holds.
absl::Status WriteUniqueLog(const Options& options, const std::string& path) {
  std::ofstream file(path, std::ios::binary);
  file << "label\tn\ta\tb\tc\td\n";
  std::string lines;
  for (int64_t row = 0; row < options.rows && file.good(); ++row) {
    const uint64_t draw =
        HashRow(static_cast<uint64_t>(options.seed), RandomStream::kFold, static_cast<uint64_t>(row));
    absl::StrAppend(&lines, draw % 4 == 0 ? 1 : 0, "\t", draw / 8 % 1000);
    for (uint64_t column = 1; column <= 4; ++column) {
      const uint64_t value = Mix64(draw + column) % static_cast<uint64_t>(options.rows * 8);
      absl::StrAppend(&lines, "\tname ", column, " ", absl::Hex(Mix64(value ^ column), absl::kZeroPad16), " ",
                      absl::Hex(value, absl::kZeroPad4));
    }
    lines += '\n';
    if (lines.size() > (size_t{1} << 20) || row + 1 == options.rows) {
      file << lines;
      lines.clear();
    }
  }
  file.close();
  return file.good() ? absl::OkStatus() : absl::ResourceExhaustedError("cannot write " + path);
}

// The log as a file of the wanted format; its path.
absl::StatusOr<std::string> MakeInput(const Options& options) {
  if (!options.input.empty()) return options.input;
  std::string tsv = options.work_folder + "/log.tsv";
  if (options.log == "unique") {
    SDA_RETURN_IF_ERROR(WriteUniqueLog(options, tsv));
    return tsv;
  }
  const preprocessing::datagen::CriteoLogOptions log{.rows = options.rows,
                                                     .seed = options.seed,
                                                     .sizes_of_rows = options.sizes_of_rows,
                                                     .threads = options.threads};
  SDA_RETURN_IF_ERROR(preprocessing::datagen::WriteCriteoLog(log, tsv).status());
  if (options.input_format == "tsv") return tsv;
  std::string parquet = options.work_folder + "/log.parquet";
  SDA_RETURN_IF_ERROR(ConvertCriteoToParquet(tsv, parquet));
  fs::remove(tsv);
  return parquet;
}

absl::StatusOr<preprocessing::DatasetSpec> SpecOf(const Options& options, const std::string& input) {
  preprocessing::DatasetSpec spec{.data_uris = {input}, .label = "label"};
  if (!options.pipeline.empty()) {
    std::ifstream file(options.pipeline, std::ios::binary);
    const std::string yaml((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    preprocessing::PipelineReading reading = preprocessing::ReadPipeline(yaml);
    if (!reading.pipeline)
      return absl::InvalidArgumentError(
          preprocessing::DescribeViolations(reading.violations, options.pipeline));
    spec.pipeline = std::move(reading.pipeline);
    return spec;
  }
  if (options.log == "unique") {
    spec.frequency_threshold = 1;
    return spec;
  }
  // Counts go through the logarithm, by convention for such logs; so peers need not look for skewness.
  for (int i = 1; i <= 13; ++i) spec.columns.push_back({.name = absl::StrCat("I", i), .log = true});
  return spec;
}

absl::Status Run(const Options& options) {
  fs::create_directories(options.work_folder);
  SDA_ASSIGN_OR_RETURN(const std::string input, MakeInput(options));
  SDA_ASSIGN_OR_RETURN(
      const auto store,
      ArtefactStore::Open(options.keep.empty() ? options.work_folder + "/dataset" : options.keep));
  StoreOutput output(*store);
  SDA_ASSIGN_OR_RETURN(const preprocessing::DatasetSpec spec, SpecOf(options, input));

  std::map<std::string, Clock::time_point> stage_began;
  preprocessing::RunSettings settings{.threads = options.threads, .scratch_folder = options.work_folder};
  settings.on_progress = [&](const preprocessing::Progress& progress) {
    stage_began.try_emplace(progress.stage, Clock::now());
  };
  ResetPeakMemory();
  // The limit is that of the process.
  if (options.memory_limit > 0)
    settings.memory_bytes = std::max<int64_t>(options.memory_limit - PeakMemoryBytes(), 1);
  const double cpu_began = ProcessSeconds();
  const Clock::time_point began = Clock::now();
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest,
                       preprocessing::CreateDataset(spec, "datasets/bench", settings, output));
  const Clock::time_point ended = Clock::now();
  const double cpu = ProcessSeconds() - cpu_began;
  int64_t rows = 0;
  for (const auto& [name, split] : manifest.splits) rows += split.rows;

  const auto seconds = [](Clock::duration time) { return std::chrono::duration<double>(time).count(); };
  const double total = seconds(ended - began);
  const auto input_bytes = static_cast<int64_t>(fs::file_size(input));
  const int64_t peak = PeakMemoryBytes();
  auto report = BeginReport("preprocess", options.threads, total);
  report["rows"] = rows;
  report["rows_per_s"] = static_cast<double>(rows) / total;
  report["cpu_seconds"] = cpu;
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
  app.add_option("--sizes-of-rows", options.sizes_of_rows,
                 "columns have as many values as in a log of so many rows; 0: of --rows")
      ->check(CLI::Range(int64_t{0}, int64_t{10'000'000'000}));
  app.add_option("--log", options.log,
                 "criteo, or unique: four columns of 28 bytes, nearly all values different, of threshold 1")
      ->check(CLI::IsMember({"criteo", "unique"}));
  app.add_option("--pipeline", options.pipeline, "a pipeline file instead of the service's own choice")
      ->check(CLI::ExistingFile);
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--memory-limit", options.memory_limit,
                 "bytes of the process; more goes to scratch files in the work folder; 0: no limit")
      ->transform(CLI::AsSizeValue(false));
  app.add_option("--input-format", options.input_format, "tsv or parquet")
      ->check(CLI::IsMember({"tsv", "parquet"}));
  app.add_option("--input", options.input, "a log of `sda datagen criteo` instead of one made here")
      ->check(CLI::ExistingFile);
  app.add_option("--keep", options.keep, "a folder in which the dataset stays");
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
