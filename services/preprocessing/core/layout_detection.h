#ifndef SDA_SERVICES_PREPROCESSING_CORE_LAYOUT_DETECTION_H_
#define SDA_SERVICES_PREPROCESSING_CORE_LAYOUT_DETECTION_H_

#include <string>
#include <string_view>
#include <vector>

#include <absl/status/statusor.h>

#include "services/preprocessing/core/dataset_spec.h"
#include "services/preprocessing/core/row_source.h"

namespace sda::preprocessing {

// What the files have in common, from the request and the beginning of the first file. What is not given is
// guessed:
//
// kind       Parquet where the file begins with "PAR1", else text.
// delimiter  of tab, "::", comma, semicolon, "|" the one that cuts most of the first rows into the same
// number of
//            fields (ties: in this order); with a blank behind it if one follows it everywhere.
// quotes     on for comma and semicolon, for others where fields of the first rows are quoted.
// header     where no field of the first row is empty, a number or a hexadecimal hash, all differ, and either
// the
//            label is named in it or some column holds only numbers below it.
//
// Columns without a header are named c0, c1, …; 40 columns (39 without the label) that look like Criteo's
// click log are named label, I1 to I13, C1 to C26.
absl::StatusOr<InputLayout> DetectLayout(const std::vector<InputFile>& files, const FormatSpec& format,
                                         std::string_view label);

// The same for the beginning of a text file, which should end at the end of a line.
absl::StatusOr<InputLayout> DetectTextLayout(std::string_view begin, std::string_view path,
                                             const FormatSpec& format, std::string_view label);

// Whether columns carry the names of Criteo's click log.
bool IsCriteoLayout(const std::vector<std::string>& columns);

// Whether `text` is a hash in hexadecimal: 8, 16, 32, 40 or 64 lower-case digits.
bool IsHexHash(std::string_view text);

// The position of the column that `text` names: an equal name, else a position from 0 (from the end if
// negative). COLUMN_NOT_FOUND names `field`.
absl::StatusOr<int> FindColumn(std::string_view field, const std::string& text,
                               const std::vector<std::string>& columns);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_LAYOUT_DETECTION_H_
