#ifndef SDA_COMMON_PIPELINE_CROSSED_KEYS_H_
#define SDA_COMMON_PIPELINE_CROSSED_KEYS_H_

#include <string>
#include <vector>

#include "common/pipeline/operation.h"

namespace sda::pipeline {

// The key of a row's values in one or several text columns. Of one column it is the text, of several the
// texts with 0x1F between, escaped so that no two rows of values share one. docs/pipelines.md, "Crossed
// keys".
class KeyBuilder {
 public:
  explicit KeyBuilder(const InputColumns& columns) : columns_(columns) {}

  // Whether every value is missing.
  bool AllMissing(size_t row) const {
    for (const ColumnData* column : columns_) {
      if (!column->missing[row]) return false;
    }
    return true;
  }

  // Valid until the next call, with 8 readable bytes behind it. A single missing value is the empty text.
  std::string_view Key(size_t row) {
    if (columns_.size() == 1) return columns_[0]->missing[row] ? Padded("") : columns_[0]->texts[row];
    key_.clear();
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) key_.push_back('\x1f');
      if (columns_[i]->missing[row])
        key_.append("\\N");
      else
        AppendEscaped(columns_[i]->texts[row]);
    }
    return Padded(key_);
  }

 private:
  void AppendEscaped(std::string_view text) {
    for (const char c : text) {
      if (c == '\\')
        key_.append("\\\\");
      else if (c == '\x1f')
        key_.append("\\x");
      else
        key_.push_back(c);
    }
  }

  std::string_view Padded(std::string_view text) {
    padded_.assign(text).append(8, '\0');
    return std::string_view(padded_).substr(0, text.size());
  }

  const InputColumns& columns_;
  std::string key_;
  std::string padded_;
};

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_CROSSED_KEYS_H_
