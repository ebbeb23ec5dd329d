#include "services/preprocessing/core/row_source.h"

#include <utility>

#include "services/preprocessing/core/arrow_source.h"
#include "services/preprocessing/core/batch_source.h"
#include "services/preprocessing/core/parquet_source.h"
#include "services/preprocessing/core/text_source.h"

namespace sda::preprocessing {

std::unique_ptr<RowSource> OpenRowSource(std::vector<InputFile> files, const InputLayout& layout) {
  switch (layout.kind) {
    case InputLayout::Kind::kText:
      break;
    case InputLayout::Kind::kParquet:
      return OpenBatchSource(std::move(files), layout, OpenParquetFile);
    case InputLayout::Kind::kArrow:
      return OpenBatchSource(std::move(files), layout, OpenArrowFile);
  }
  return std::make_unique<TextSource>(std::move(files), layout);
}

}  // namespace sda::preprocessing
