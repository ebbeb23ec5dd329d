#ifndef SDA_SERVICES_PREPROCESSING_CORE_BATCH_DECODER_H_
#define SDA_SERVICES_PREPROCESSING_CORE_BATCH_DECODER_H_

#include <memory>

#include "services/preprocessing/core/row_source.h"

namespace arrow {
class DataType;
}  // namespace arrow

namespace sda::preprocessing {

// Whether values of the type can be cells: numbers, text, booleans, dates and times, also as dictionaries.
bool HasText(const arrow::DataType& type);

// Makes cells of Block::batch, whose columns HasText. Every value becomes the text it would have in a CSV
// file (integers and shortest floating point numbers, booleans as 0 and 1, dates and times in ISO 8601, nulls
// as the empty field), so that the same data makes the same dataset from either.
std::unique_ptr<BlockDecoder> NewBatchDecoder();

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_BATCH_DECODER_H_
