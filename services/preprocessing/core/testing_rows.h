#ifndef SDA_SERVICES_PREPROCESSING_CORE_TESTING_ROWS_H_
#define SDA_SERVICES_PREPROCESSING_CORE_TESTING_ROWS_H_

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "services/preprocessing/core/input_files.h"
#include "services/preprocessing/core/layout_detection.h"
#include "services/preprocessing/core/row_source.h"

// What tests of input see of files.
namespace sda::preprocessing::testing {

// All rows of the files as text, with the file and line of each block's first row checked on the way.
inline std::vector<std::string> ReadAll(const std::vector<std::string>& paths,
                                        const FormatSpec& format = {}) {
  const auto files = FindInputFiles(paths);
  EXPECT_TRUE(files.ok()) << files.status();
  const auto layout = DetectLayout(*files, format, "0");
  EXPECT_TRUE(layout.ok()) << layout.status();
  const auto source = OpenRowSource(*files, *layout);
  const auto decoder = source->NewDecoder();
  Block block;
  CellBlock cells;
  std::vector<std::string> rows;
  for (int64_t index = 0;; ++index) {
    const auto more = source->Next(block);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return rows;
    EXPECT_EQ(block.index, index);
    const auto error = decoder->Decode(block, cells);
    EXPECT_TRUE(error.ok() && !*error);
    for (size_t row = 0; row < cells.rows; ++row) {
      std::string text;
      for (size_t column = 0; column < cells.columns; ++column) {
        if (column > 0) text += '|';
        text += cells.view(row, column);
      }
      rows.push_back(text);
    }
  }
}

}  // namespace sda::preprocessing::testing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_TESTING_ROWS_H_
