#include "services/advisor/server/expected_seconds.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include "common/training_spec/field_path.h"
#include "common/training_spec/rules.h"
#include "services/advisor/core/cost_model.h"
#include "services/advisor/server/advice_input.h"

namespace sda::advisor {
namespace {

constexpr char kDim[] = "model.embedding_dim";
constexpr char kTop[] = "model.top_layers";
constexpr char kBottom[] = "model.bottom_layers";
constexpr char kInteraction[] = "model.interaction";
constexpr char kEpochs[] = "training.epochs";
// As Metric.expected takes.
constexpr size_t kMaxBytes = 2000;

using trainer::v1::ModelConfig;
using trainer::v1::TrainingSpec;

// One choice of some categorical parameters.
using Choice = std::vector<std::pair<std::string, std::string>>;

class Writer {
 public:
  Writer(const v1::Recipe& recipe, const DatasetProfile& profile) : recipe_(recipe), profile_(profile) {}

  std::string Write() const {
    std::vector<std::string> terms;
    // The bottom MLP's work adds to that of the rest, whatever either is.
    const std::vector<Choice> rest = Choices({kTop, kInteraction}), bottoms = Choices({kBottom});
    for (const Choice& choice : rest) AddTerm(choice, Line(choice), terms);
    if (bottoms.size() > 1) {
      const auto [base, by_dim] = Line(rest[0]);
      for (const Choice& bottom : bottoms) {
        Choice both = rest[0];
        both.insert(both.end(), bottom.begin(), bottom.end());
        const auto [other, other_by_dim] = Line(both);
        AddTerm(bottom, {other - base, other_by_dim - by_dim}, terms);
      }
    }
    const bool epochs = Find(kEpochs) != nullptr;
    if (!epochs && Find(kDim) == nullptr && rest.size() * bottoms.size() < 2) return "";
    std::string formula = absl::StrJoin(terms, " + ");
    if (epochs) formula = absl::StrCat("`", kEpochs, "` * (", formula, ")");
    return formula.size() <= kMaxBytes ? formula : "";
  }

 private:
  const optimizer::v1::Parameter* Find(std::string_view path) const {
    for (const auto& parameter : recipe_.parameters()) {
      // One that does not always exist would make the whole unknown where it does not.
      if (parameter.name() == path && parameter.conditions().empty()) return &parameter;
    }
    return nullptr;
  }

  // All choices of those of the parameters that are searched; one empty choice where none is.
  std::vector<Choice> Choices(const std::vector<std::string>& paths) const {
    std::vector<Choice> choices(1);
    for (const std::string& path : paths) {
      const auto* parameter = Find(path);
      if (parameter == nullptr || !parameter->has_categories()) continue;
      std::vector<Choice> longer;
      for (const Choice& choice : choices) {
        for (const std::string& value : parameter->categories().values()) {
          longer.push_back(choice);
          longer.back().emplace_back(path, value);
        }
      }
      choices = std::move(longer);
    }
    return choices;
  }

  double Seconds(const Choice& choice, int32_t dim) const {
    TrainingSpec spec = recipe_.spec();
    for (const auto& [path, value] : choice)
      training_spec::SetField(spec, path, value).IgnoreError();  // recipes are checked when they are made
    training_spec::FillDefaults(spec);
    const ModelConfig& model = spec.model();
    ModelShape shape = ShapeOf(profile_);
    shape.embedding_dim = dim > 0 ? dim : model.embedding_dim();
    shape.bottom_layers.assign(model.bottom_layers().begin(), model.bottom_layers().end());
    shape.top_layers.assign(model.top_layers().begin(), model.top_layers().end());
    shape.dot = model.architecture() == ModelConfig::ARCHITECTURE_DLRM &&
                model.interaction() == ModelConfig::INTERACTION_DOT;
    const double passes = Find(kEpochs) != nullptr ? 1 : spec.training().epochs();
    const auto& machine = recipe_.machine();
    return TrainingSeconds(
        shape, static_cast<double>(profile_.train_rows) * passes,
        {.matmul_gflops = machine.matmul_gflops(), .memory_gb_per_second = machine.memory_gb_per_second()});
  }

  // Seconds at width 0 and by unit of the embeddings' width, in which everything is linear; the second is 0
  // where the width is not searched.
  std::pair<double, double> Line(const Choice& choice) const {
    if (Find(kDim) == nullptr) return {Seconds(choice, 0), 0};
    const double one = Seconds(choice, 1), by_dim = Seconds(choice, 2) - one;
    return {one - by_dim, by_dim};
  }

  static void AddTerm(const Choice& choice, std::pair<double, double> line, std::vector<std::string>& terms) {
    if (line.first == 0 && line.second == 0) return;
    std::string term;
    for (const auto& [path, value] : choice) absl::StrAppend(&term, "is(`", path, "`, \"", value, "\") * ");
    absl::StrAppend(&term, absl::StrFormat("(%.4g", line.first));
    if (line.second != 0) absl::StrAppend(&term, absl::StrFormat(" + %.4g * `%s`", line.second, kDim));
    terms.push_back(term + ")");
  }

  const v1::Recipe& recipe_;
  const DatasetProfile& profile_;
};

}  // namespace

std::string ExpectedSeconds(const v1::Recipe& recipe, const preprocessing::v1::Dataset& dataset) {
  const DatasetProfile profile = ToProfile(dataset);
  return Writer(recipe, profile).Write();
}

}  // namespace sda::advisor
