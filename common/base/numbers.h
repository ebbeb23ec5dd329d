#ifndef SDA_COMMON_BASE_NUMBERS_H_
#define SDA_COMMON_BASE_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sda {

// A finite decimal number ("-3", "+1.5e3", ".5"), blanks around it allowed; nothing for anything else, also
// for "inf", "nan", hexadecimal and numbers beyond the range of double.
std::optional<double> ParseNumber(std::string_view text);

// Plain decimal digits with an optional minus sign, no blanks, fitting 64 bits.
std::optional<int64_t> ParseInteger(std::string_view text);

// A number as ParseNumber reads it, or an ISO 8601 date or time ("2014-10-21", "2014-10-21T09:30:00.25Z",
// "2014-10-21 09:30:00+02:00") as seconds since 1970; no zone means UTC.
std::optional<double> ParseTime(std::string_view text);

// Shortest text that reads back as the same value.
std::string NumberToText(double value);

}  // namespace sda

#endif  // SDA_COMMON_BASE_NUMBERS_H_
