#include "services/preprocessing/core/profile/profile_pipeline.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <vector>

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include "common/base/error.h"
#include "services/preprocessing/core/pipeline/chosen_steps.h"
#include "services/preprocessing/core/profile/column_kind.h"

namespace sda::preprocessing {
namespace {

// Of numbers by rank.
constexpr int kBuckets = 32;
constexpr double kSecondsOfDay = 86400;

using Names = std::vector<std::string>;

std::string Figure(double value) {
  return absl::StrFormat("%.4g", value);
}

std::string Percent(int64_t part, int64_t whole) {
  return absl::StrFormat("%.3g %%",
                         whole > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(whole) : 0);
}

double ValueAt(const NumberSummary& number, double share) {
  const auto& quantiles = number.quantiles;
  const auto found = std::find_if(quantiles.begin(), quantiles.end(),
                                  [&](const Quantile& quantile) { return quantile.share >= share; });
  return found == quantiles.end() ? number.max : found->value;
}

class Chooser {
 public:
  Chooser(const DataProfile& profile, const Schema& schema, const InputSample& sample)
      : profile_(profile), schema_(schema), sample_(sample) {
    for (const ProfileWarning& warning : profile.warnings)
      warnings_[{warning.column, warning.code}] = &warning;
  }

  absl::StatusOr<std::string> Choose() {
    for (size_t i = 0; i < schema_.size(); ++i) ChooseColumn(i);
    const std::string steps = Steps();
    if (steps.empty()) {
      return InvalidField("data_uris",
                          absl::StrCat("leave nothing to learn from: ", absl::StrJoin(left_out_, "; "),
                                       "; write a pipeline that uses what is meant to be used"));
    }
    return absl::StrCat(
        "# Chosen from a profile of ", profile_.rows, " training rows, ",
        Percent(profile_.positives, profile_.rows), " of them positive",
        profile_.test_rows > 0 ? absl::StrCat(", and ", profile_.test_rows, " test rows") : "",
        "; edit it as you like.\nversion: 1\nname: auto\nlabel: ", QuotedInYaml(profile_.label), "\nsteps:\n",
        comments_, steps);
  }

 private:
  void Say(const std::string& name, const std::string& reason) { comments_ += StepComment(name, reason); }

  void LeaveOut(const std::string& name, const std::string& reason) {
    Say(name, absl::StrCat("left out: ", reason));
    left_out_.push_back(absl::StrCat(name, ": ", reason));
  }

  const ProfileWarning* Find(const std::string& column, const char* code) const {
    const auto found = warnings_.find({column, code});
    return found == warnings_.end() ? nullptr : found->second;
  }

  void ChooseColumn(size_t i) {
    const Column& column = schema_[i];
    const ProfiledColumn& profiled = profile_.columns[i];
    if (profiled.kind == ColumnKind::kLabel) {
      for (const char* code : {"LABEL_RARE", "LABEL_DRIFT"}) {
        if (const auto* warning = Find(column.name, code))
          Say(column.name, absl::StrCat("the label; ", warning->message, "; ", warning->suggestion));
      }
      return;
    }
    if (column.role == Role::kIgnored && column.reason == "given") return LeaveOut(column.name, "given");
    for (const char* code : {"NO_VALUES", "CONSTANT", "LEAKAGE", "IDENTIFIER"}) {
      if (const auto* warning = Find(column.name, code)) {
        return LeaveOut(column.name,
                        absl::StrCat(warning->message, " (", code, ": ", Figure(warning->figure), ", bound ",
                                     Figure(warning->threshold), "); ", warning->suggestion));
      }
    }
    const auto* invalid = Find(column.name, "INVALID_VALUES");
    if (profiled.kind == ColumnKind::kTime) {
      if (invalid != nullptr) return LeaveOut(column.name, invalid->message);
      return ChooseTime(column, profiled, KindOf(column, sample_.columns[i]).time_units);
    }
    if (profiled.kind == ColumnKind::kCategory && invalid != nullptr)
      return LeaveOut(column.name, invalid->message);
    std::string reason = column.reason;
    if (column.role == Role::kIgnored) {
      reason = absl::StrCat("of the first ", sample_.rows, " rows one would think: ", column.reason,
                            "; but there are ", profiled.distinct, " values in ", profiled.values, " rows");
    }
    if (profiled.kind == ColumnKind::kNumber && invalid == nullptr) {
      ChooseNumber(column, profiled, reason);
    } else {
      if (invalid != nullptr) absl::StrAppend(&reason, "; as ids, since ", invalid->message);
      ChooseCategory(column, profiled, reason);
    }
  }

  // What the profile says of the column and the label.
  static std::string Alone(const ProfiledColumn& profiled) {
    return profiled.label ? absl::StrCat("; alone it reaches AUC ", Figure(profiled.label->strongest_auc()))
                          : "";
  }

  void ChooseNumber(const Column& column, const ProfiledColumn& profiled, std::string reason) {
    const NumberSummary& number = *profiled.number;
    absl::StrAppend(&reason, Alone(profiled));
    const std::string missing = absl::StrCat(profiled.missing_rows, " of ", profile_.rows, " rows (",
                                             Percent(profiled.missing_rows, profile_.rows), ")");
    const auto* drift = Find(column.name, "DRIFT");
    const auto* skewed = Find(column.name, "SKEWED");
    if (drift != nullptr || (skewed != nullptr && !number.histogram_log)) {
      absl::StrAppend(&reason, "; ", (drift != nullptr ? drift : skewed)->message,
                      drift != nullptr ? ": ranks carry over where values do not"
                                       : ", and so are the logarithms: ranks are not",
                      "; missing in ", missing, ", which have a rank of their own");
      Say(column.name, reason);
      buckets_.push_back(column.name);
      return;
    }
    const auto* tells = Find(column.name, "MISSING_TELLS");
    const bool telling = tells != nullptr || static_cast<double>(profiled.missing_rows) >
                                                 kTellingMissingShare * static_cast<double>(profile_.rows);
    absl::StrAppend(&reason, "; missing in ", missing, ": the median ", Figure(ValueAt(number, 0.5)),
                    telling ? " for them, and a column that tells of them" : "");
    if (tells != nullptr) absl::StrAppend(&reason, " (", tells->message, ")");
    (telling ? filled_and_told_ : filled_).push_back(column.name);
    if (skewed != nullptr) {
      absl::StrAppend(&reason, "; ", skewed->message, ": the logarithm is taken");
      logarithms_.push_back(column.name);
    }
    standardised_.push_back(column.name);
    Say(column.name, reason);
  }

  void ChooseCategory(const Column& column, const ProfiledColumn& profiled, std::string reason) {
    absl::StrAppend(&reason, "; ", profiled.distinct, " values",
                    profiled.distinct_relative_error > 0 ? " (estimated)" : "", " in ", profiled.values,
                    " rows", Alone(profiled));
    for (const char* code : {"MANY_RARE_VALUES", "UNSEEN_VALUES", "MISSING_TELLS", "DRIFT"}) {
      if (const auto* warning = Find(column.name, code)) absl::StrAppend(&reason, "; ", warning->message);
    }
    if (!column.list_separator.empty()) {
      Say(column.name, reason);
      lists_.push_back(&column);
      return;
    }
    if (profiled.distinct >= kManyValues) {
      reason += "; so many that counts and label rates tell of those that ids have seen too rarely";
      counted_.push_back(column.name);
    }
    Say(column.name, reason);
    AddIds(column, column.name);
  }

  void AddIds(const Column& column, const std::string& name) {
    ids_[column.frequency_threshold].push_back(name);
  }

  void ChooseTime(const Column& column, const ProfiledColumn& profiled, double units) {
    const double days = profiled.number ? (profiled.number->max - profiled.number->min) / kSecondsOfDay : 0;
    if (units > 1000) return LeaveOut(column.name, absl::StrCat(profiled.reason, ", which no step takes"));
    const bool weeks = days >= 2;
    std::string reason = absl::StrCat(profiled.reason, "; rows span ", Figure(days), " days, so ",
                                      weeks ? "hour and weekday" : "the hour alone", " may tell");
    if (const auto* split = Find(column.name, "SPLIT_BY_TIME"))
      absl::StrAppend(&reason, "; ", split->suggestion);
    Say(column.name, reason);
    times_.push_back({column.name, weeks, units == 1000});
    hours_.push_back(column.name + "_hour");
    if (!weeks) return;
    hours_.push_back(column.name + "_weekday");
    hours_.push_back(column.name + "_is_weekend");
  }

  static void Step(const char* operation, const Names& inputs, const std::string& options, std::string& out) {
    out += StepInYaml(operation, inputs, options);
  }

  static Names WithSuffix(const Names& names, const char* suffix) {
    Names out;
    for (const std::string& name : names) out.push_back(name + suffix);
    return out;
  }

  std::string Steps() const {
    std::string out;
    for (const Time& time : times_) {
      Step("date_parts", {time.name},
           absl::StrCat("parts: [hour", time.weeks ? ", weekday, is_weekend" : "", "]",
                        time.milliseconds ? ", unit: milliseconds" : ""),
           out);
    }
    Step("categorify", hours_, "frequency_threshold: 1", out);
    Step("fill_missing", filled_, "strategy: median", out);
    Step("fill_missing", filled_and_told_, "strategy: median, indicator: true", out);
    Step("log", logarithms_, "", out);
    Step("standardise", standardised_, "", out);
    Step("quantile_bucket", buckets_, absl::StrCat("buckets: ", kBuckets), out);
    Step("count_encode", counted_, "suffix: _count", out);
    Step("log", WithSuffix(counted_, "_count"), "", out);
    Step("target_encode", counted_, "suffix: _rate", out);
    Names encoded = WithSuffix(counted_, "_count");
    const Names rates = WithSuffix(counted_, "_rate");
    encoded.insert(encoded.end(), rates.begin(), rates.end());
    Step("standardise", encoded, "", out);
    for (const Column* list : lists_) {
      Step("split_list", {list->name}, absl::StrCat("separator: ", QuotedInYaml(list->list_separator)), out);
      if (list->list_max_values > 0)
        Step("truncate_list", {list->name}, absl::StrCat("max_values: ", list->list_max_values), out);
      Step("categorify", {list->name}, Threshold(list->frequency_threshold), out);
    }
    for (const auto& [threshold, names] : ids_) Step("categorify", names, Threshold(threshold), out);
    return out;
  }

  static std::string Threshold(int64_t threshold) {
    return threshold > 0 ? absl::StrCat("frequency_threshold: ", threshold) : "";
  }

  struct Time {
    std::string name;
    bool weeks = false;
    bool milliseconds = false;
  };

  const DataProfile& profile_;
  const Schema& schema_;
  const InputSample& sample_;
  std::map<std::pair<std::string, std::string_view>, const ProfileWarning*> warnings_;
  std::string comments_;
  Names left_out_;
  Names filled_, filled_and_told_, logarithms_, standardised_, buckets_;  // numbers
  Names counted_;
  std::map<int64_t, Names> ids_;  // by frequency threshold
  std::vector<const Column*> lists_;
  std::vector<Time> times_;
  Names hours_;
};

}  // namespace

absl::StatusOr<std::string> ProfilePipelineYaml(const DataProfile& profile, const Schema& schema,
                                                const InputSample& sample) {
  return Chooser(profile, schema, sample).Choose();
}

}  // namespace sda::preprocessing
