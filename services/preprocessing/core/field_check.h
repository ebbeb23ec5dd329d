#ifndef SDA_SERVICES_PREPROCESSING_CORE_FIELD_CHECK_H_
#define SDA_SERVICES_PREPROCESSING_CORE_FIELD_CHECK_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "common/pipeline/operation.h"
#include "common/pipeline/program.h"

namespace sda::preprocessing {

// What a step of a pipeline makes of the fields of one column of the log; those it cannot take are bad.
struct FieldCheck {
  int column = 0;
  size_t node = 0;        // of the program
  bool required = false;  // then a missing field is bad too, and cannot be mended
  std::shared_ptr<const pipeline::AppliedOperation> operation;
  size_t outputs = 1;  // of the operation
  std::string step;    // for messages: "steps[3] (clip)"
};

// Of all steps that take the first `log_columns` columns of a program as they stand in the log. What later
// steps cannot take is not among them.
std::vector<FieldCheck> FieldChecksOf(const pipeline::Program& program, size_t log_columns);

// Those of the first `log_columns` columns that some node takes, ascending.
std::vector<int> LogColumnsOf(const pipeline::Program& program, size_t log_columns);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_FIELD_CHECK_H_
