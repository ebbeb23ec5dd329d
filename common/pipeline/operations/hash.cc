#include <absl/strings/str_cat.h>

#include "common/base/row_hash.h"
#include "common/base/strings.h"
#include "common/base/utf8.h"
#include "common/pipeline/operation.h"

namespace sda::pipeline {
namespace {

// Of a text column and, element by element, of a text list.
class HashTexts final : public AppliedOperation {
 public:
  HashTexts(int64_t buckets, int64_t seed)
      : buckets_(static_cast<uint64_t>(buckets)), seed_(static_cast<uint64_t>(seed)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    const ColumnData& from = *in[0];
    if (from.type == ColumnType::kTextList) {
      out[0]->Reset(ColumnType::kIdList, rows.rows);
      out[0]->offsets = from.offsets;
      for (const std::string_view text : from.texts) out[0]->integers.push_back(Id(text));
      return std::nullopt;
    }
    out[0]->Reset(ColumnType::kId, rows.rows);
    for (size_t row = 0; row < rows.rows; ++row) {
      if (!from.missing[row]) out[0]->integers[row] = Id(from.texts[row]);
    }
    return std::nullopt;
  }

  int64_t table_rows() const override { return static_cast<int64_t>(buckets_) + 1; }

 private:
  int64_t Id(std::string_view text) const {
    return 1 + static_cast<int64_t>(HashKey(seed_, RandomStream::kFeatureHash, text) % buckets_);
  }

  const uint64_t buckets_;
  const uint64_t seed_;
};

class Hex final : public AppliedOperation {
 public:
  explicit Hex(int64_t modulus) : modulus_(static_cast<uint64_t>(modulus)) {}

  std::optional<CellProblem> Apply(const InputColumns& in, const RowContext& rows,
                                   const OutputColumns& out) const override {
    out[0]->Reset(ColumnType::kInteger, rows.rows);
    out[0]->missing = in[0]->missing;
    for (size_t row = 0; row < rows.rows; ++row) {
      if (in[0]->missing[row]) continue;
      uint64_t value = 0;
      if (!Read(in[0]->texts[row], value)) {
        return CellProblem{row, "BAD_NUMBER",
                           absl::StrCat("\"", TruncateUtf8(ToValidUtf8(in[0]->texts[row]), 60),
                                        "\" is not 1 to 16 hexadecimal digits")};
      }
      out[0]->integers[row] = static_cast<int64_t>(modulus_ > 0 ? value % modulus_ : value);
    }
    return std::nullopt;
  }

 private:
  static bool Read(std::string_view text, uint64_t& value) {
    if (text.empty() || text.size() > 16) return false;
    for (const char c : text) {
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return false;
      value = value * 16 + static_cast<uint64_t>(digit);
    }
    return true;
  }

  const uint64_t modulus_;
};

}  // namespace

std::unique_ptr<AppliedOperation> MakeHash(int64_t buckets, int64_t seed) {
  return std::make_unique<HashTexts>(buckets, seed);
}

std::unique_ptr<AppliedOperation> MakeHexToInteger(const HexToInteger& options) {
  return std::make_unique<Hex>(options.modulus);
}

}  // namespace sda::pipeline
