#include "services/preprocessing/core/separator_scan.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <hwy/targets.h>

namespace sda::preprocessing {
namespace {

// Runs `check` once with every instruction set that the processor has.
template <class Check>
void ForEachTarget(const Check& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    SCOPED_TRACE(hwy::TargetName(target));
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

std::string RandomText(size_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::string text(size, 'x');
  const char bytes[] = {',', '\n', '"', 'a', 'b', 'c', '\0', '\xff'};
  for (char& c : text) c = bytes[random() % sizeof(bytes)];
  return text;
}

TEST(SeparatorScanTest, EveryTargetFindsWhatTheReferenceFinds) {
  ForEachTarget([] {
    for (const size_t size : {0, 1, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 500, 1000}) {
      for (size_t misaligned = 0; misaligned < 4; ++misaligned) {
        const std::string text = RandomText(size + misaligned, static_cast<uint32_t>(size));
        std::vector<uint32_t> expected(size + 64);
        std::vector<uint32_t> found(size + 64);
        const Separators separators{',', '\n', '"'};
        const size_t count =
            FindSeparatorsReference(text.data() + misaligned, size, separators, expected.data());
        ASSERT_EQ(FindSeparators(text.data() + misaligned, size, separators, found.data()), count) << size;
        EXPECT_TRUE(
            std::equal(expected.begin(), expected.begin() + static_cast<int64_t>(count), found.begin()))
            << size;
      }
    }
  });
}

TEST(SeparatorScanTest, DenseAndSparseTextsAreFoundWhole) {
  ForEachTarget([] {
    const std::string dense(300, ',');
    std::vector<uint32_t> positions(dense.size() + 64);
    ASSERT_EQ(FindSeparators(dense.data(), dense.size(), {}, positions.data()), dense.size());
    for (uint32_t i = 0; i < dense.size(); ++i) EXPECT_EQ(positions[i], i);
    const std::string none(300, 'x');
    EXPECT_EQ(FindSeparators(none.data(), none.size(), {}, positions.data()), 0u);
  });
}

TEST(SeparatorScanTest, CountsBytes) {
  ForEachTarget([] {
    for (const size_t size : {0, 1, 63, 64, 65, 1000}) {
      const std::string text = RandomText(size, 7);
      EXPECT_EQ(CountByte(text.data(), size, '"'),
                static_cast<size_t>(std::count(text.begin(), text.end(), '"')));
    }
  });
}

TEST(SeparatorScanTest, OneHighByteAnywhereIsNotAscii) {
  ForEachTarget([] {
    for (const size_t size : {1, 16, 63, 64, 65, 130}) {
      std::string text(size, 'a');
      EXPECT_TRUE(IsAscii(text.data(), size));
      for (size_t i = 0; i < size; ++i) {
        text[i] = '\x80';
        EXPECT_FALSE(IsAscii(text.data(), size)) << size << " " << i;
        text[i] = '\x7f';
      }
    }
    EXPECT_TRUE(IsAscii("", 0));
  });
}

}  // namespace
}  // namespace sda::preprocessing
