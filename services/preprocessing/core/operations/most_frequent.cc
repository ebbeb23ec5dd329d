#include <array>
#include <cstring>

#include "common/base/status_macros.h"
#include "services/preprocessing/core/operations/fitter.h"
#include "services/preprocessing/core/operations/key_numbers.h"

namespace sda::preprocessing {
namespace {

class MostFrequentText final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    for (const uint32_t row : rows.use) {
      if (!in[0]->missing[row]) counts_.Count(in[0]->texts[row]);
    }
  }

  int64_t bytes() const override { return counts_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return counts_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    return counts_.Merge(static_cast<MostFrequentText&>(other).counts_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings&) override {
    Learned learned;
    std::string& text = learned.state.text.emplace();
    int64_t most = 0;
    // By bytes, so that of equal counts the first stays.
    SDA_RETURN_IF_ERROR(counts_.Finish([&](std::string_view value, std::span<const int64_t> numbers) {
      if (numbers[0] > most) {
        most = numbers[0];
        text.assign(value);
      }
      return absl::OkStatus();
    }));
    return learned;
  }

 private:
  KeyNumbers counts_ = KeyNumbers(1);
};

// The key of a number are the bytes of its double.
class MostFrequentNumber final : public Fitter {
 public:
  void Add(const pipeline::InputColumns& in, const LearningRows& rows) override {
    const bool whole = in[0]->type == pipeline::ColumnType::kInteger;
    std::array<char, 2 * sizeof(double)> key{};  // readable behind the double
    for (const uint32_t row : rows.use) {
      if (in[0]->missing[row]) continue;
      double value = whole ? static_cast<double>(in[0]->integers[row]) : in[0]->numbers[row];
      if (value == 0) value = 0;  // −0 is 0
      std::memcpy(key.data(), &value, sizeof(value));
      counts_.Count({key.data(), sizeof(value)});
    }
  }

  int64_t bytes() const override { return counts_.bytes(); }
  absl::Status Spill(const std::string& scratch_folder) override { return counts_.Spill(scratch_folder); }

  absl::Status Merge(Fitter& other, const std::string& scratch_folder) override {
    return counts_.Merge(static_cast<MostFrequentNumber&>(other).counts_, scratch_folder);
  }

  absl::StatusOr<Learned> Finish(const LearnSettings&) override {
    Learned learned;
    learned.state.numbers = {0};
    double& number = learned.state.numbers[0];
    int64_t most = 0;
    SDA_RETURN_IF_ERROR(counts_.Finish([&](std::string_view key, std::span<const int64_t> numbers) {
      double value = 0;
      std::memcpy(&value, key.data(), sizeof(value));
      if (numbers[0] > most || (numbers[0] == most && value < number)) {
        most = numbers[0];
        number = value;
      }
      return absl::OkStatus();
    }));
    return learned;
  }

 private:
  KeyNumbers counts_ = KeyNumbers(1);
};

}  // namespace

std::unique_ptr<Fitter> NewMostFrequentFitter(pipeline::ColumnType type) {
  if (type == pipeline::ColumnType::kText) return std::make_unique<MostFrequentText>();
  return std::make_unique<MostFrequentNumber>();
}

}  // namespace sda::preprocessing
