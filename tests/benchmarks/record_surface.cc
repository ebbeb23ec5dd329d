#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <CLI/CLI.hpp>
#include <absl/strings/str_format.h>

#include "common/base/cpu_time.h"
#include "common/base/status_macros.h"
#include "common/storage/dataset_manifest.h"
#include "services/optimizer/core/suggester.h"
#include "services/trainer_worker/core/training/training.h"
#include "tests/benchmarks/suggest_recorded.h"

// Trains the points of a Sobol design over the space of recordings on an encoded dataset and prints a line
// for each, in the form of suggest_recorded_*.inc. Processor time is what is recorded: other programs do not
// change it.
//
//   sda dataset create --name adult …
//   sda-bench-record --dataset STATE/artefacts/datasets/adult --points 128 > suggest_recorded_adult.inc
//   sda-bench-record --wide --dataset … --points 192 > suggest_recorded_adult_wide.inc
namespace sda::bench {
namespace {

using optimizer::Assignments;

double Number(const Assignments& a, const char* name) {
  const auto& value = a.at(name);
  if (const auto* integer = std::get_if<int64_t>(&value)) return static_cast<double>(*integer);
  return std::get<double>(value);
}

class Silent final : public trainer::TrainingObserver {
 public:
  bool OnMeasurement(const trainer::Measurement& measurement) override {
    if (const auto found = measurement.metrics.find("logloss"); found != measurement.metrics.end())
      logloss = found->second;
    return true;
  }
  double logloss = 1;
};

trainer::TrainingJob Job(const DatasetManifest& manifest, const std::string& folder, const Assignments& a) {
  trainer::TrainingJob job;
  job.manifest = manifest;
  job.dataset_folder = folder;
  job.model.embedding_dim = static_cast<int64_t>(Number(a, "embedding"));
  const auto width = static_cast<int64_t>(Number(a, "width"));
  job.model.bottom_layers = {width};
  job.model.top_layers.assign(static_cast<size_t>(Number(a, "layers")), width);
  job.model.interaction = trainer::Interaction::kCat;
  job.model.dropout = Number(a, "dropout");
  job.options.batch_size = static_cast<int64_t>(Number(a, "batch"));
  job.options.epochs = a.contains("epochs") ? static_cast<int64_t>(Number(a, "epochs")) : 1;
  job.options.keep = trainer::Keep::kLast;
  job.options.checkpoint_interval = 0;
  const std::string& rule = std::get<std::string>(a.at("optimizer"));
  auto& dense = job.optimizer.dense;
  dense.learning_rate = Number(a, "learning_rate");
  dense.algorithm = trainer::Algorithm::kAdagrad;
  if (rule == "adam")
    dense = {.algorithm = trainer::Algorithm::kAdam, .learning_rate = dense.learning_rate, .epsilon = 1e-8};
  if (rule == "sgd") {
    dense.algorithm = trainer::Algorithm::kSgd;
    dense.momentum = Number(a, "momentum");
  }
  job.optimizer.sparse = {.algorithm = trainer::Algorithm::kAdagrad,
                          .learning_rate = Number(a, "sparse_rate")};
  job.seed = 1;
  job.threads = 1;
  return job;
}

absl::Status Record(const std::string& folder, bool wide, int points, const std::string& work) {
  std::ifstream file(folder + "/manifest.json");
  const std::string json((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  SDA_ASSIGN_OR_RETURN(const DatasetManifest manifest, ManifestFromJson(json, folder));
  const optimizer::Space space = RecordedSpace(wide);
  const std::vector<optimizer::Metric> metrics;
  optimizer::SearchState state{.space = space, .metrics = metrics, .trials = {}, .seed = 1};
  const auto sobol = optimizer::MakeSuggester(optimizer::Algorithm::kSobol);
  for (int i = 0; i < points; ++i) {
    const auto suggestion = sobol->Suggest(state);
    state.suggestions += suggestion->suggestions_used;
    const Assignments& a = suggestion->assignments;
    trainer::TrainingJob job = Job(manifest, folder, a);
    job.output_folder = work + "/attempt";
    Silent observer;
    const double began = ProcessSeconds();
    SDA_ASSIGN_OR_RETURN(const trainer::TrainingResult result, trainer::Train(job, observer, {}));
    const double seconds = ProcessSeconds() - began;
    std::filesystem::remove_all(job.output_folder);
    double logloss = observer.logloss;
    if (const auto found = result.metrics.find("logloss"); found != result.metrics.end())
      logloss = found->second;
    std::string line = "{";
    for (const double value : RecordedRow(space, a)) line += absl::StrFormat("%.5g, ", value);
    // Trainings that diverge are as bad as a model that is surely wrong now and then.
    std::cout << line << absl::StrFormat("%.5f, %.4f},", std::min(logloss, 1.0), seconds) << '\n'
              << std::flush;
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace sda::bench

int main(int argc, char** argv) {
  std::string dataset, work = "/tmp";
  int points = 128;
  bool wide = false;
  CLI::App app("Records a surface of trainings for sda-bench suggest", "sda-bench-record");
  app.add_option("--dataset", dataset, "folder of an encoded dataset")->required();
  app.add_option("--points", points, "trainings")->check(CLI::Range(1, 100000));
  app.add_flag("--wide", wide, "over wide ranges, and 1 to 4 epochs");
  app.add_option("--work", work, "folder for what trainings write");
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = sda::bench::Record(dataset, wide, points, work);
  if (status.ok()) return 0;
  std::cerr << "sda-bench-record: " << std::string(status.message()) << "\n";
  return 1;
}
