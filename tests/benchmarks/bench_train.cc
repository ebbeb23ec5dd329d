#include "tests/benchmarks/bench_train.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>
#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "common/base/cpu_time.h"
#include "common/base/status_macros.h"
#include "services/trainer_worker/core/kernels/isa.h"
#include "services/trainer_worker/core/training/train_step.h"
#include "tests/benchmarks/bench_report.h"
#include "tests/benchmarks/machine_ceilings.h"
#include "tests/benchmarks/train_config.h"

namespace sda::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string config = "kaggle";
  int threads = 1;
  std::string precision = "fp32";
  int64_t steps = 0;  // 0: as many as fit into about two seconds, at least 20
  bool pin = false;
  bool in_turns = false;
  bool ceilings = true;
  bool json = false;
};

constexpr int kDistinctBatches = 8;
constexpr int kWarmUpSteps = 5;
constexpr double kLearningRate = 0.1;

double Seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Wall times of steps and where they went.
struct Timing {
  std::vector<double> step_seconds;
  double total_seconds = 0;
  double data_seconds = 0;
  double fastest_embedding_seconds = 0;  // of a step, mean over the threads
  double fastest_cpu_seconds = 0;  // of a step, on the calling thread: what other programs took is not in it
  trainer::StageSeconds stages;
};

// Seconds of a clock by which a step of the team takes as long as it does, or of a team in turns would take.
double TeamSeconds(const trainer::ThreadTeam& team) {
  if (team.in_turns()) return ThreadSeconds() - team.excess_seconds();
  return Seconds(Clock::now().time_since_epoch());
}

Timing TimeSteps(trainer::TrainStep& train_step, const trainer::ThreadTeam& team,
                 const RandomBatches& batches, int64_t steps) {
  Timing timing;
  int64_t step = 0;
  double warm_up = 0;
  for (int i = 0; i < kWarmUpSteps; ++i) {
    const auto begin = Clock::now();
    train_step.Run(batches[step], step + 1, 1, {});
    warm_up = Seconds(Clock::now() - begin);
    ++step;
  }
  if (steps == 0) steps = std::clamp<int64_t>(static_cast<int64_t>(2.0 / warm_up), 20, 2000);
  const trainer::StageSeconds before = train_step.seconds();
  double embedding = before.embedding;
  const auto first = Clock::now();
  for (int64_t i = 0; i < steps; ++i, ++step) {
    const auto begin = Clock::now();
    const trainer::Batch& batch = batches[step];
    const auto data = Clock::now();
    const double cpu_begin = ThreadSeconds(), team_begin = TeamSeconds(team);
    train_step.Run(batch, step + 1, 1, {});
    const double step_seconds = TeamSeconds(team) - team_begin;
    const double cpu = team.in_turns() ? step_seconds : ThreadSeconds() - cpu_begin;
    timing.fastest_cpu_seconds = i == 0 ? cpu : std::min(timing.fastest_cpu_seconds, cpu);
    timing.data_seconds += Seconds(data - begin);
    timing.step_seconds.push_back(Seconds(data - begin) + step_seconds);
    const double looked_up = train_step.seconds().embedding;
    const double lookups = looked_up - std::exchange(embedding, looked_up);
    timing.fastest_embedding_seconds = i == 0 ? lookups : std::min(timing.fastest_embedding_seconds, lookups);
  }
  timing.total_seconds = Seconds(Clock::now() - first);
  timing.stages = train_step.seconds();
  timing.stages -= before;
  return timing;
}

absl::Status Run(const Options& options) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets variables
  const char* const isa = std::getenv("SDA_MAX_ISA");
  SDA_RETURN_IF_ERROR(trainer::LimitIsa(std::string_view(isa == nullptr ? "" : isa)));
  SDA_ASSIGN_OR_RETURN(const TrainConfig config, FindTrainConfig(options.config));
  const auto precision = options.precision == "bf16" ? trainer::Precision::kBf16 : trainer::Precision::kFp32;
  const trainer::DlrmLayout layout(config.model, config.inputs);
  const trainer::UpdateOptions sgd{.algorithm = trainer::Algorithm::kSgd, .learning_rate = kLearningRate};
  const trainer::OptimizerOptions optimizer{.dense = sgd, .sparse = sgd, .schedule = {}};
  trainer::DlrmWeights weights(layout);
  weights.Initialize(layout, 1);
  trainer::OptimizerState state(layout, optimizer);
  trainer::SetThreadPinning(options.pin);
  trainer::ThreadTeam team = options.in_turns
                                 ? trainer::ThreadTeam(options.threads, trainer::ThreadTeam::InTurns{})
                                 : trainer::ThreadTeam(options.threads);
  if (options.pin && !team.pinned())
    return absl::InvalidArgumentError(absl::StrCat("--pin: this process may use ", UsableCores(), " cores; ",
                                                   options.threads, " threads need as many"));
  const RandomBatches batches(config, kDistinctBatches, 2);
  Timing timing;
  {
    trainer::TrainStep train_step(layout, weights, state, optimizer, {}, config.batch, team, precision);
    timing = TimeSteps(train_step, team, batches, options.steps);
  }
  const int64_t peak = PeakMemoryBytes();

  const auto batch = static_cast<double>(config.batch);
  const double step_seconds = Median(timing.step_seconds);
  const double samples_per_s = batch / step_seconds;
  const auto flops = static_cast<double>(layout.training_flops());
  const double row_bytes = static_cast<double>(layout.dim()) * sizeof(float);
  const double gathered = row_bytes * static_cast<double>(config.lookups * config.inputs.tables());
  const double per_step_ms = 1e3 / static_cast<double>(timing.step_seconds.size());

  auto report = BeginReport("train", options.threads, timing.total_seconds);
  report["config"] = config.name;
  report["precision"] = options.precision;
  report["precision_used"] = Name(trainer::UsablePrecision(precision));
  report["batch"] = config.batch;
  report["isa_used"] = Name(trainer::UsableIsa());
  report["steps"] = timing.step_seconds.size();
  report["samples_per_s"] = samples_per_s;
  report["ms_per_step"] = step_seconds * 1e3;
  report["ms_per_step_best"] =
      *std::min_element(timing.step_seconds.begin(), timing.step_seconds.end()) * 1e3;
  report["cpu_ms_per_step_best"] = timing.fastest_cpu_seconds * 1e3;
  report["stage_ms"] = {{"data", timing.data_seconds * per_step_ms},
                        {"embedding", timing.stages.embedding * per_step_ms},
                        {"bottom", timing.stages.bottom * per_step_ms},
                        {"interaction", timing.stages.interaction * per_step_ms},
                        {"top", timing.stages.top * per_step_ms},
                        {"backward", timing.stages.backward * per_step_ms},
                        {"update", timing.stages.update * per_step_ms}};
  report["flops_per_sample"] = layout.training_flops();
  report["achieved_gflops"] = flops * samples_per_s / 1e9;
  report["achieved_gather_gb_per_s"] =
      gathered * batch * static_cast<double>(timing.step_seconds.size()) / timing.stages.embedding / 1e9;
  // The lookups of the fastest step, which other programs disturbed least.
  const double best_gather = gathered * batch / timing.fastest_embedding_seconds / 1e9;
  report["best_gather_gb_per_s"] = best_gather;
  const auto model_bytes = static_cast<int64_t>(weights.dense.bytes() + weights.embeddings.bytes());
  const int64_t optimizer_bytes = trainer::OptimizerState::Bytes(layout, optimizer);
  report["peak_rss_bytes"] = peak;
  report["model_bytes"] = model_bytes;
  report["optimizer_bytes"] = optimizer_bytes;
  report["beyond_model_bytes"] = peak - model_bytes - optimizer_bytes;
  report["pinned"] = team.pinned();
  report["in_turns"] = team.in_turns();
  if (options.ceilings) {
    const std::vector<MeasuredProduct> products = MeasureProducts(layout, config.batch, precision, team);
    const double gflops = BestGflops(products);
    const double gather = MeasureGatherGbPerS(weights.embeddings.span(), layout.dim(), team);
    const double limit = 1 / (flops / (gflops * 1e9) + gathered / (gather * 1e9));
    report["ceiling_gflops"] = gflops;
    report["ceiling_gather_gb_per_s"] = gather;
    report["triad_gb_per_s"] = MeasureTriadGbPerS(team);
    report["limit_samples_per_s"] = limit;
    report["share_of_limit"] = samples_per_s / limit;
    report["share_of_gather"] = best_gather / gather;
    if (options.threads == 1) report["cpu_share_of_limit"] = batch / timing.fastest_cpu_seconds / limit;
    for (const MeasuredProduct& product : products) {
      for (const auto& [variant, seconds] : product.seconds)
        report["product_gflops"][product.name][variant] = std::round(product.flops / seconds / 1e9);
    }
  }
  PrintReport(report, options.json);
  return absl::OkStatus();
}

}  // namespace

int BenchTrain(int argc, char** argv) {
  Options options;
  CLI::App app("Times training steps on random inputs, and the ceilings of this machine", "sda-bench train");
  app.add_option("--config", options.config,
                 "kaggle, kaggle128, mlperf_small, sc20_small, or a JSON file of the same shape");
  app.add_option("--threads", options.threads, "threads")->check(CLI::Range(1, 1024));
  app.add_option("--precision", options.precision, "fp32 or bf16")->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--steps", options.steps, "timed steps; 0: about two seconds")
      ->check(CLI::Range(int64_t{0}, int64_t{1'000'000}));
  app.add_flag("--pin", options.pin, "keep each thread on a core of its own");
  app.add_flag("--in-turns", options.in_turns,
               "on one core, thread after thread: a step's time is that of the thread which takes longest, "
               "without what "
               "they wait for one another and for memory that they share");
  app.add_flag("!--no-ceilings", options.ceilings, "leave the ceilings out");
  app.add_flag("--json", options.json, "one line of JSON");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = Run(options);
  if (status.ok()) return 0;
  std::cerr << "sda-bench train: " << std::string(status.message()) << "\n";
  return absl::IsInternal(status) ? 1 : 2;
}

}  // namespace sda::bench
