#ifndef SDA_COMMON_PIPELINE_DEFINITION_H_
#define SDA_COMMON_PIPELINE_DEFINITION_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/error.h"
#include "common/pipeline/join.h"

namespace sda::pipeline {

// A pipeline as a person writes it: steps, and what becomes of the columns they leave. docs/pipelines.md
// gives the formula of every operation; sda.preprocessing.v1.Pipeline and the YAML file say the same as these
// structs. kName is the operation's name there, Fields lists its options (see fields.h) with name and range.

// An enumeration's names are those of YAML; in order of the values.
enum class FitOn { kTrain, kAll };
inline constexpr std::array kFitOnNames = {"train", "all"};

enum class SplitName { kTrain, kValidation, kTest };
inline constexpr std::array kSplitNameNames = {"train", "validation", "test"};

struct Cast {
  static constexpr char kName[] = "cast";
  enum class To { kNumber, kInteger, kText };
  static constexpr std::array kToNames = {"number", "integer", "text"};
  To to = To::kNumber;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enum("to", self.to, kToNames);
  }
  bool operator==(const Cast&) const = default;
};

struct FillMissing {
  static constexpr char kName[] = "fill_missing";
  enum class Strategy { kConstant, kMean, kMedian, kMostFrequent };
  static constexpr std::array kStrategyNames = {"constant", "mean", "median", "most_frequent"};
  Strategy strategy = Strategy::kConstant;
  std::optional<double> value;
  std::optional<std::string> text;
  bool indicator = false;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enum("strategy", self.strategy, kStrategyNames);
    visit.OptionalReal("value", self.value);
    visit.OptionalText("text", self.text);
    visit.Flag("indicator", self.indicator);
  }
  bool operator==(const FillMissing&) const = default;
};

struct Clip {
  static constexpr char kName[] = "clip";
  std::optional<double> min;
  std::optional<double> max;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.OptionalReal("min", self.min);
    visit.OptionalReal("max", self.max);
  }
  bool operator==(const Clip&) const = default;
};

struct Log {
  static constexpr char kName[] = "log";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Log&) const = default;
};

struct Standardise {
  static constexpr char kName[] = "standardise";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Standardise&) const = default;
};

struct QuantileBucket {
  static constexpr char kName[] = "quantile_bucket";
  int64_t buckets = 0;  // 0: bounds are given
  std::vector<double> bounds;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("buckets", self.buckets, 0, 65'536);
    visit.Reals("bounds", self.bounds);
  }
  bool operator==(const QuantileBucket&) const = default;
};

inline constexpr int64_t kMaxHashBuckets = (int64_t{1} << 31) - 2;

struct Hash {
  static constexpr char kName[] = "hash";
  int64_t buckets = 0;
  int64_t seed = 0;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("buckets", self.buckets, 1, kMaxHashBuckets);
    visit.Integer("seed", self.seed, INT64_MIN, INT64_MAX);
  }
  bool operator==(const Hash&) const = default;
};

struct HashList {
  static constexpr char kName[] = "hash_list";
  int64_t buckets = 0;
  int64_t seed = 0;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("buckets", self.buckets, 1, kMaxHashBuckets);
    visit.Integer("seed", self.seed, INT64_MIN, INT64_MAX);
  }
  bool operator==(const HashList&) const = default;
};

struct HexToInteger {
  static constexpr char kName[] = "hex_to_integer";
  int64_t modulus = 0;  // 0: none

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("modulus", self.modulus, 0, INT64_MAX);
  }
  bool operator==(const HexToInteger&) const = default;
};

// What categorify and group_categorify have in common.
struct VocabularyOptions {
  enum class Order { kFrequency, kFirstAppearance };
  static constexpr std::array kOrderNames = {"frequency", "first_appearance"};
  int64_t frequency_threshold = 0;  // 0: by the number of training rows
  int64_t max_size = 0;             // 0: no limit
  Order order = Order::kFrequency;
  bool reserve_missing = true;
  bool reserve_unknown = true;

  int64_t reserved_ids() const { return (reserve_missing ? 1 : 0) + (reserve_unknown ? 1 : 0); }

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("frequency_threshold", self.frequency_threshold, 0, 1'000'000'000);
    visit.Integer("max_size", self.max_size, 0, kMaxHashBuckets);
    visit.Enum("order", self.order, kOrderNames);
    visit.Flag("reserve_missing", self.reserve_missing);
    visit.Flag("reserve_unknown", self.reserve_unknown);
  }
  bool operator==(const VocabularyOptions&) const = default;
};

struct Categorify : VocabularyOptions {
  static constexpr char kName[] = "categorify";
  bool operator==(const Categorify&) const = default;
};

struct GroupCategorify : VocabularyOptions {
  static constexpr char kName[] = "group_categorify";
  bool operator==(const GroupCategorify&) const = default;
};

struct CountEncode {
  static constexpr char kName[] = "count_encode";
  bool crossed = false;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Flag("crossed", self.crossed);
  }
  bool operator==(const CountEncode&) const = default;
};

struct FrequencyEncode {
  static constexpr char kName[] = "frequency_encode";
  bool crossed = false;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Flag("crossed", self.crossed);
  }
  bool operator==(const FrequencyEncode&) const = default;
};

struct TargetEncode {
  static constexpr char kName[] = "target_encode";
  double smoothing = 20;
  int64_t folds = 5;
  int64_t min_count = 1;
  bool crossed = false;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Real("smoothing", self.smoothing, 0, 1e12);
    visit.Integer("folds", self.folds, 2, 100);
    visit.Integer("min_count", self.min_count, 1, 1'000'000'000);
    visit.Flag("crossed", self.crossed);
  }
  bool operator==(const TargetEncode&) const = default;
};

struct Difference {
  static constexpr char kName[] = "difference";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Difference&) const = default;
};

struct Ratio {
  static constexpr char kName[] = "ratio";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Ratio&) const = default;
};

struct DateParts {
  static constexpr char kName[] = "date_parts";
  enum class Part {
    kYear,
    kMonth,
    kDay,
    kHour,
    kMinute,
    kSecond,
    kWeekday,
    kDayOfYear,
    kWeek,
    kIsWeekend,
    kDays,
    kSeconds
  };
  static constexpr std::array kPartNames = {"year",   "month",      "day",     "hour",
                                            "minute", "second",     "weekday", "day_of_year",
                                            "week",   "is_weekend", "days",    "seconds"};
  enum class Unit { kSeconds, kMilliseconds };
  static constexpr std::array kUnitNames = {"seconds", "milliseconds"};
  std::vector<Part> parts;
  Unit unit = Unit::kSeconds;
  int64_t offset_minutes = 0;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enums("parts", self.parts, kPartNames);
    visit.Enum("unit", self.unit, kUnitNames);
    visit.Integer("offset_minutes", self.offset_minutes, -1439, 1439);
  }
  bool operator==(const DateParts&) const = default;
};

struct SplitList {
  static constexpr char kName[] = "split_list";
  std::string separator = "|";
  bool trim = true;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Text("separator", self.separator);
    visit.Flag("trim", self.trim);
  }
  bool operator==(const SplitList&) const = default;
};

struct TruncateList {
  static constexpr char kName[] = "truncate_list";
  enum class Keep { kFirst, kLast };
  static constexpr std::array kKeepNames = {"first", "last"};
  int64_t max_values = 0;
  Keep keep = Keep::kFirst;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("max_values", self.max_values, 1, 65'536);
    visit.Enum("keep", self.keep, kKeepNames);
  }
  bool operator==(const TruncateList&) const = default;
};

struct MultiHot {
  static constexpr char kName[] = "multi_hot";
  int64_t max_values = 0;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Integer("max_values", self.max_values, 1, 1000);
  }
  bool operator==(const MultiHot&) const = default;
};

struct Drop {
  static constexpr char kName[] = "drop";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Drop&) const = default;
};

struct Select {
  static constexpr char kName[] = "select";

  template <class Self, class Visitor>
  static void Fields(Self&, Visitor&) {}
  bool operator==(const Select&) const = default;
};

struct Filter {
  static constexpr char kName[] = "filter";
  enum class Comparison {
    kEqual,
    kNotEqual,
    kLess,
    kLessOrEqual,
    kGreater,
    kGreaterOrEqual,
    kIn,
    kNotIn,
    kMissing,
    kNotMissing
  };
  static constexpr std::array kComparisonNames = {"equal",   "not_equal",        "less", "less_or_equal",
                                                  "greater", "greater_or_equal", "in",   "not_in",
                                                  "missing", "not_missing"};
  Comparison comparison = Comparison::kEqual;
  std::optional<double> number;
  std::vector<std::string> values;
  std::vector<SplitName> splits;  // empty: all

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enum("comparison", self.comparison, kComparisonNames);
    visit.OptionalReal("number", self.number);
    visit.Texts("values", self.values);
    visit.Enums("splits", self.splits, kSplitNameNames);
  }
  bool operator==(const Filter&) const = default;
};

struct SampleNegatives {
  static constexpr char kName[] = "sample_negatives";
  double keep_share = 0;
  std::vector<SplitName> splits;  // empty: the training split

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Real("keep_share", self.keep_share, 0, 1);
    visit.Enums("splits", self.splits, kSplitNameNames);
  }
  bool operator==(const SampleNegatives&) const = default;
};

struct Distinct {
  static constexpr char kName[] = "distinct";
  std::vector<SplitName> splits;  // empty: all

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enums("splits", self.splits, kSplitNameNames);
  }
  bool operator==(const Distinct&) const = default;
};

struct Sort {
  static constexpr char kName[] = "sort";
  enum class Compare { kText, kNumber, kTime };
  static constexpr std::array kCompareNames = {"text", "number", "time"};
  enum class Order { kAscending, kDescending };
  static constexpr std::array kOrderNames = {"ascending", "descending"};
  std::vector<Compare> compare;  // empty: text
  std::vector<Order> orders;     // empty: ascending

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enums("compare", self.compare, kCompareNames);
    visit.Enums("orders", self.orders, kOrderNames);
  }
  bool operator==(const Sort&) const = default;
};

struct SplitRows {
  static constexpr char kName[] = "split";
  enum class By { kFraction, kHash, kTime, kLeaveLastOut, kLastPart };
  static constexpr std::array kByNames = {"fraction", "hash", "time", "leave_last_out", "last_part"};
  By by = By::kFraction;
  double test_share = 0.2;
  double validation_share = 0.1;
  int64_t test_rows = 1;
  int64_t validation_rows = 1;
  int64_t parts = 7;

  template <class Self, class Visitor>
  static void Fields(Self& self, Visitor& visit) {
    visit.Enum("by", self.by, kByNames);
    visit.Real("test_share", self.test_share, 0, 0.9);
    visit.Real("validation_share", self.validation_share, 0, 0.5);
    visit.Integer("test_rows", self.test_rows, 1, 100);
    visit.Integer("validation_rows", self.validation_rows, 1, 100);
    visit.Integer("parts", self.parts, 2, 1000);
  }
  bool operator==(const SplitRows&) const = default;
};

// The order is that of the fields of sda.preprocessing.v1.Step.operation.
using Operation = std::variant<Cast, FillMissing, Clip, Log, Standardise, QuantileBucket, Hash, HexToInteger,
                               Categorify, GroupCategorify, CountEncode, FrequencyEncode, TargetEncode,
                               Difference, Ratio, DateParts, SplitList, TruncateList, HashList, MultiHot,
                               Drop, Select, Filter, SampleNegatives, Distinct, Sort, SplitRows>;

struct Step {
  std::vector<std::string> inputs;   // names and patterns
  std::vector<std::string> outputs;  // empty: in place, or by suffix
  std::string suffix;
  FitOn fit_on = FitOn::kTrain;
  Operation operation;

  bool operator==(const Step&) const = default;
};

// Columns of MLPerf's rows; names and patterns.
struct MlperfBinary {
  std::vector<std::string> integers;
  std::vector<std::string> categories;

  bool operator==(const MlperfBinary&) const = default;
};

struct Output {
  std::vector<std::string> features;  // names and patterns; empty: what steps made
  bool parquet = false;
  std::optional<MlperfBinary> mlperf_binary;

  bool operator==(const Output&) const = default;
};

struct Pipeline {
  std::string name;
  std::string label;  // the request's goes first
  std::vector<std::string> positive_values;
  std::vector<Join> joins;  // made in this order, before the first step
  std::vector<Step> steps;
  Output output;

  bool operator==(const Pipeline&) const = default;
};

inline constexpr int64_t kPipelineVersion = 1;
inline constexpr size_t kMaxSteps = 1000;
inline constexpr size_t kMaxNames = 10'000;  // inputs or outputs of a step

// The operation's name, e.g. "fill_missing".
const char* OperationName(const Operation& operation);

// Of every operation, in the order of the variant.
const std::vector<std::string>& OperationNames();

// A default operation of that name; nothing for an unknown one.
std::optional<Operation> OperationByName(std::string_view name);

// Rules that a pipeline breaks whatever its data, by path ("steps[3].min").
std::vector<FieldViolation> ValidatePipeline(const Pipeline& pipeline);

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_DEFINITION_H_
