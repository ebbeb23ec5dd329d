#ifndef SDA_SERVICES_TRAINER_WORKER_CORE_DATA_VOCABULARY_FILE_H_
#define SDA_SERVICES_TRAINER_WORKER_CORE_DATA_VOCABULARY_FILE_H_

#include <string>
#include <vector>

#include <absl/status/statusor.h>

namespace sda::trainer {

// The values of a vocabulary, an Arrow IPC file with a text column "value". NOT_FOUND, or FAILED_PRECONDITION
// for what is no such file; both name the path.
absl::StatusOr<std::vector<std::string>> ReadVocabulary(const std::string& path);

}  // namespace sda::trainer

#endif  // SDA_SERVICES_TRAINER_WORKER_CORE_DATA_VOCABULARY_FILE_H_
