#ifndef SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PART_LOOKUP_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PART_LOOKUP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "common/pipeline/operation.h"
#include "services/preprocessing/core/operations/learned.h"
#include "services/preprocessing/core/pipeline/block_notes.h"

namespace sda::preprocessing {

// Whether a node looks values of rows up in a table that grows with the log, so that its values may be noted
// block by block, with one part of the table in memory at a time. The node has one output.
bool CanBeNoted(const pipeline::Node& node);

// Table rows of a node whose table of `size` values is not in memory; 0 where its output is not of ids.
int64_t TableRowsOf(const pipeline::Node& node, int64_t size);

// A node with one of `parts` parts of its table: the values whose hash falls into it. Thread-safe.
class PartLookup {
 public:
  // `state` is what the node learned beside the table.
  static absl::StatusOr<std::unique_ptr<PartLookup>> Load(const pipeline::Node& node,
                                                          const pipeline::NodeState& state,
                                                          const StoredTable& table, uint32_t part,
                                                          uint32_t parts);

  // Notes the values of a block's rows; those of other parts stay as they are.
  absl::Status Note(const pipeline::InputColumns& in, const pipeline::RowContext& rows, int64_t block,
                    BlockNotes& notes) const;

 private:
  PartLookup(const pipeline::Node& node, uint32_t part, uint32_t parts);
  void ToIds(pipeline::ColumnData& column) const;
  void MarkPart(const pipeline::InputColumns& in, size_t elements, std::vector<uint8_t>& mine) const;

  pipeline::Node node_;
  const uint32_t part_;
  const uint32_t parts_;
  pipeline::NodeState state_;
  std::vector<int64_t> positions_;                           // in the whole table, of the part's values
  const pipeline::VocabularyOptions* vocabulary_ = nullptr;  // of the node as it was; null for others
  pipeline::VocabularyOptions options_;
  std::unique_ptr<pipeline::AppliedOperation> operation_;
};

// Fills the output of a noted node; false where the notes are of other rows.
bool FromNotes(const std::string& bytes, const pipeline::InputColumns& in, pipeline::ColumnType type,
               size_t rows, pipeline::ColumnData& out);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PIPELINE_PART_LOOKUP_H_
