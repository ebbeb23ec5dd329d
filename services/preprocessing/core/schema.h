#ifndef SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "services/preprocessing/core/dataset_spec.h"

namespace sda::preprocessing {

// One column of the input and what becomes of it.
struct Column {
  std::string name;
  Role role = Role::kIgnored;
  std::optional<bool> log;          // dense: given by the user
  int64_t frequency_threshold = 0;  // categorical: given by the user; 0: that of the dataset
  std::string reason;               // why the role
  std::string list_separator = {};  // categorical: not empty where cells hold lists
  int64_t list_max_values = 0;      // of lists; 0: all

  bool operator==(const Column&) const = default;
};

// Every column of the input, in order.
using Schema = std::vector<Column>;

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SCHEMA_H_
