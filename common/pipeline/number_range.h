#ifndef SDA_COMMON_PIPELINE_NUMBER_RANGE_H_
#define SDA_COMMON_PIPELINE_NUMBER_RANGE_H_

namespace sda::pipeline {

// Of the numbers of a column, in magnitude: its square, which fits need, is still a double.
inline constexpr double kLargestNumber = 1e150;

}  // namespace sda::pipeline

#endif  // SDA_COMMON_PIPELINE_NUMBER_RANGE_H_
