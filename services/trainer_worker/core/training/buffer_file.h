#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_BUFFER_FILE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_BUFFER_FILE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <absl/status/status.h>
#include <absl/status/statusor.h>

namespace sda::trainer {

// A file of a text header and runs of floats (little-endian), with a checksum over both:
//   "SDABUF01" · header bytes (u64) · header · float count (u64) · floats · SHA-256 as 64 hexadecimal digits
// It appears complete or not at all: temporary file in the same folder, sync, rename, sync of the folder.
// RESOURCE_EXHAUSTED names the path when the disk is full.
absl::Status WriteBufferFile(const std::string& path, std::string_view header,
                             const std::vector<std::span<const float>>& buffers);

// Where the floats of a file with this header begin, in bytes.
int64_t BufferFileDataBegin(std::string_view header);

// The header followed by so many blanks that the floats begin at a multiple of 64.
std::string PaddedHeader(std::string_view header);

// The header of a file. NOT_FOUND, or FAILED_PRECONDITION for what is no such file.
absl::StatusOr<std::string> ReadBufferFileHeader(const std::string& path);

// Reads the floats into the buffers, whose sizes must add up to the file's, and verifies the checksum.
absl::Status ReadBufferFile(const std::string& path, const std::vector<std::span<float>>& buffers);

// Writes a small text file in the same way.
absl::Status WriteTextFile(const std::string& path, std::string_view text);

// Copies a file in the same way, a piece at a time: it may be larger than memory.
absl::Status CopyFile(const std::string& from, const std::string& to);

// NOT_FOUND names the path.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_TRAINING_BUFFER_FILE_H_
