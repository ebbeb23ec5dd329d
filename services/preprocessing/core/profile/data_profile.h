#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_DATA_PROFILE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_DATA_PROFILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sda::preprocessing {

// What is in raw rows, before anything is made of them. sda.preprocessing.v1.DataProfile says the same to
// clients; see there for the meaning of each field. "Rows" are training rows unless "test" is said.

enum class ColumnKind { kNumber, kCategory, kTime, kLabel };

// Rows with numbers in [lower, upper].
struct NumberBin {
  double lower = 0;
  double upper = 0;
  int64_t rows = 0;
  int64_t positives = 0;
  int64_t test_rows = 0;
};

struct Quantile {
  double share = 0;  // of the rows at or below value
  double value = 0;
};

struct NumberSummary {
  double min = 0;
  double max = 0;
  double mean = 0;
  double stddev = 0;
  double skewness = 0;
  int64_t zeros = 0;
  int64_t negatives = 0;
  std::vector<Quantile> quantiles;
  double quantile_rank_error = 0;     // share of rows; 0: exact
  std::vector<NumberBin> histogram;   // of equal width in the values or their signed logarithms
  bool histogram_log = false;         // in their signed logarithms
  std::vector<NumberBin> equal_bins;  // of about equally many rows
};

struct TopValue {
  std::string value;
  int64_t rows = 0;
  int64_t positives = 0;
  int64_t test_rows = 0;
};

// How a column alone goes with the label.
struct LabelAssociation {
  std::optional<double> pearson;  // numbers
  double mutual_information_nats = 0;
  double mutual_information_share = 0;  // of the label's entropy
  std::optional<double> cramers_v;      // categories
  std::optional<double> held_out_auc;
  std::optional<double> rank_auc;  // numbers
  std::optional<double> missing_positive_rate, present_positive_rate;

  // The strongest of the AUCs, turned so that it is at least 0.5; 0.5 where there is none.
  double strongest_auc() const;
};

struct ColumnDrift {
  std::optional<double> population_stability_index;
  std::optional<double> kolmogorov_smirnov;  // numbers and times
  std::optional<double> unseen_share;  // of test rows with a value, those whose value no training row has
};

struct ProfiledColumn {
  std::string name;
  ColumnKind kind = ColumnKind::kCategory;
  std::string reason;  // why the kind
  int64_t missing_rows = 0;
  int64_t test_missing_rows = 0;
  int64_t invalid_rows =
      0;  // training and test rows with what is no number, time or UTF-8; counted nowhere else
  std::string first_invalid;  // "FILE:LINE: value"
  int64_t values = 0;         // rows with a value; with lists, values
  int64_t distinct = 0;
  double distinct_relative_error = 0;   // standard deviation; 0: exact
  std::optional<NumberSummary> number;  // numbers and times (seconds since 1970)
  std::vector<TopValue> top_values;
  int64_t top_count_error = 0;  // rows; 0: exact
  std::optional<double> zipf_exponent;
  std::optional<LabelAssociation> label;
  std::optional<ColumnDrift> drift;
};

struct ProfileWarning {
  enum class Severity { kNotice, kWarning, kError };
  Severity severity = Severity::kNotice;
  std::string code;    // UPPER_SNAKE_CASE
  std::string column;  // empty: the data as a whole
  double figure = 0;
  double threshold = 0;
  std::string message;
  std::string suggestion;
};

struct DataProfile {
  std::vector<std::string> files;
  int64_t input_bytes = 0;
  int64_t rows = 0;
  int64_t test_rows = 0;
  std::string split;  // how test rows were found, in words; empty: there are none
  std::string label;  // name of the label column; empty: none
  int64_t positives = 0;
  int64_t test_positives = 0;
  std::vector<ProfiledColumn> columns;   // in input order
  std::vector<ProfileWarning> warnings;  // the most severe first
};

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_DATA_PROFILE_H_
