#ifndef SDA_SERVICES_PREPROCESSING_CORE_SEPARATOR_SCAN_H_
#define SDA_SERVICES_PREPROCESSING_CORE_SEPARATOR_SCAN_H_

#include <cstddef>
#include <cstdint>

namespace sda::preprocessing {

// The three bytes that structure delimited text. Two of them may be equal where a format has fewer.
struct Separators {
  char delimiter = ',';
  char newline = '\n';
  char quote = '"';
};

// Writes the positions of all bytes of text[0, size) that equal one of the separators, in ascending order,
// and returns their number:
//
//   n = 0; for i in [0, size): if text[i] in {delimiter, newline, quote}: positions[n++] = i; return n
//
// `positions` must have room for size + 64 entries: up to 64 entries behind the last may be overwritten. size
// must be below 2^32. No alignment is needed; nothing outside text[0, size) is read.
size_t FindSeparators(const char* text, size_t size, Separators separators, uint32_t* positions);

// The same, one byte at a time: the oracle of the tests.
size_t FindSeparatorsReference(const char* text, size_t size, Separators separators, uint32_t* positions);

// How many bytes of text[0, size) equal `c`.
size_t CountByte(const char* text, size_t size, char c);

// Whether every byte of text[0, size) is below 128.
bool IsAscii(const char* text, size_t size);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_SEPARATOR_SCAN_H_
