#ifndef SDA_SERVICES_PREPROCESSING_SERVER_RESOURCE_NAMES_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_RESOURCE_NAMES_H_

#include <string>
#include <string_view>

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

// Names of datasets and jobs, which are also their places below the artefact root. Ids are 1 to 63 characters
// of [a-z0-9-], starting with a letter; ids of jobs may start with a digit.
namespace sda::preprocessing {

struct JobName {
  std::string dataset;  // ids
  std::string job;
};

// INVALID_ARGUMENT naming `field`.
absl::Status CheckDatasetId(std::string_view field, std::string_view id);
absl::StatusOr<std::string> ParseDatasetName(std::string_view field, std::string_view name);  // the id
absl::StatusOr<JobName> ParseJobName(std::string_view field, std::string_view name);

std::string DatasetName(std::string_view dataset);
std::string JobNameOf(std::string_view dataset, std::string_view job);

// An id for a dataset made from `data_uri`: its file's name as far as it goes, and the time.
std::string NewDatasetId(std::string_view data_uri, absl::Time now);

// Places below the artefact root.
std::string ManifestPath(std::string_view dataset);
std::string JobsFolder(std::string_view dataset);
std::string JobPath(std::string_view dataset, std::string_view job);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_RESOURCE_NAMES_H_
