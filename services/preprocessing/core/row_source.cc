#include "services/preprocessing/core/row_source.h"

#include <utility>

#include "services/preprocessing/core/parquet_source.h"
#include "services/preprocessing/core/text_source.h"

namespace sda::preprocessing {

std::unique_ptr<RowSource> OpenRowSource(std::vector<InputFile> files, const InputLayout& layout) {
  if (layout.kind == InputLayout::Kind::kParquet) return OpenParquetSource(std::move(files), layout);
  return std::make_unique<TextSource>(std::move(files), layout);
}

}  // namespace sda::preprocessing
