#ifndef SDA_COMMON_PIPELINE_PROGRAM_H_
#define SDA_COMMON_PIPELINE_PROGRAM_H_

#include <optional>
#include <string>
#include <vector>

#include "common/pipeline/column_data.h"
#include "common/pipeline/definition.h"

namespace sda::pipeline {

// A pipeline against the columns of a log: names resolved, types checked, conversions written out. Every
// column that exists at some time is a slot that is written once; slot i below the number of the log's
// columns is the log's column i as text.
struct Slot {
  std::string name;  // of the column at that time
  ColumnType type = ColumnType::kText;
};

// Conversions that steps imply.
enum class Conversion { kNone, kNumber, kInteger, kText, kTime };

// One operation on single columns: steps with several inputs become several nodes.
struct Node {
  int step = 0;                               // of the pipeline; of a conversion the first step that needs it
  Conversion conversion = Conversion::kNone;  // other than kNone: `operation` is without meaning
  Operation operation;
  FitOn fit_on = FitOn::kTrain;
  std::vector<int> inputs;   // slots
  std::vector<int> outputs;  // slots; none for row operations

  bool is_row_operation() const;
  // Whether it has to see rows before it can be applied.
  bool learns() const;
};

struct Program {
  std::vector<std::string> columns;  // of the log
  int label = -1;                    // among them; -1 where there is none
  std::vector<Slot> slots;
  std::vector<Node> nodes;    // in an order in which they can run
  std::vector<int> features;  // slots; dense ones, then ids and id lists
  size_t dense_features = 0;  // so many of them are dense
  std::vector<int> mlperf_integers;
  std::vector<int> mlperf_categories;

  bool is_raw(int slot) const { return static_cast<size_t>(slot) < columns.size(); }
  // What messages call a node: "steps[3] (clip)".
  std::string Describe(const Node& node) const;
};

// Either a program or what is wrong, by path ("steps[3].inputs[0]"). `label` is the label's position among
// the columns, or -1. Checks ValidatePipeline's rules too.
struct Compilation {
  std::optional<Program> program;
  std::vector<FieldViolation> violations;
};
Compilation Compile(const Pipeline& pipeline, const std::vector<std::string>& columns, int label);

// Whether `name` matches `pattern`, in which "*" stands for any characters and "?" for one.
bool MatchesPattern(std::string_view pattern, std::string_view name);

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_PROGRAM_H_
