#include "services/preprocessing/core/mlperf_counts.h"

#include <cstdlib>
#include <cstring>

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "common/base/error.h"
#include "common/base/strings.h"

namespace sda::preprocessing {
namespace {

// A zip member's local header: 30 bytes, of which these count, then name and extra field.
constexpr size_t kLocalHeader = 30;
constexpr size_t kMethodPlace = 8, kNameLengthPlace = 26, kExtraLengthPlace = 28;
constexpr std::string_view kZip("PK\x03\x04");
constexpr std::string_view kNumpy("\x93NUMPY");
constexpr size_t kMostCounts = 4096;

template <class Int>
Int At(std::string_view bytes, size_t place) {
  Int value = 0;
  std::memcpy(&value, bytes.data() + place, sizeof(value));
  return value;
}

// The bytes of the first member, from its first byte on.
absl::StatusOr<std::string_view> FirstMember(std::string_view bytes, const std::string& path) {
  const auto bad = [&](const char* what) { return InvalidField(path, what); };
  if (bytes.size() < kLocalHeader || bytes.substr(0, kZip.size()) != kZip) return bad("is not a .npz file");
  const size_t name = At<uint16_t>(bytes, kNameLengthPlace), extra = At<uint16_t>(bytes, kExtraLengthPlace);
  if (bytes.size() < kLocalHeader + name + extra) return bad("ends within its header");
  if (bytes.substr(kLocalHeader, name) != "counts.npy") return bad("has no array \"counts\" in first place");
  if (At<uint16_t>(bytes, kMethodPlace) != 0) return bad("is compressed; write it with numpy.savez");
  return bytes.substr(kLocalHeader + name + extra);
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> ParseMlperfCounts(std::string_view bytes, const std::string& path) {
  auto member = FirstMember(bytes, path);
  if (!member.ok()) return member.status();
  const auto bad = [&](const char* what) { return InvalidField(path, what); };
  // "\x93NUMPY", version (two bytes), length of the header (two or four), header, values.
  if (member->size() < 12 || member->substr(0, kNumpy.size()) != kNumpy) return bad("holds no NumPy array");
  const bool old_version = (*member)[6] == 1;
  const size_t begin = old_version ? 10 : 12;
  const size_t length = old_version ? At<uint16_t>(*member, 8) : At<uint32_t>(*member, 8);
  if (member->size() < begin + length) return bad("ends within its array's header");
  const std::string header(member->substr(begin, length));
  const bool wide = absl::StrContains(header, "'<i8'");
  if (!wide && !absl::StrContains(header, "'<i4'")) return bad("must hold little-endian int32 or int64");
  const size_t shape = header.find("'shape': (");
  const size_t count = shape == std::string::npos
                           ? 0
                           : std::strtoull(header.c_str() + shape + sizeof("'shape': (") - 1, nullptr, 10);
  if (count == 0 || count > kMostCounts) return bad("must hold a list of counts");
  const std::string_view values = member->substr(begin + length);
  if (values.size() < count * (wide ? 8 : 4)) return bad("ends within its array");
  std::vector<int64_t> counts;
  for (size_t i = 0; i < count; ++i)
    counts.push_back(wide ? At<int64_t>(values, 8 * i) : At<int32_t>(values, 4 * i));
  return counts;
}

}  // namespace sda::preprocessing
