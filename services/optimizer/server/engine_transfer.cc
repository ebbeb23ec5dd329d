#include <utility>

#include "common/base/sha256.h"
#include "services/optimizer/server/converters.h"
#include "services/optimizer/server/engine_errors.h"
#include "services/optimizer/server/engine_once.h"
#include "services/optimizer/server/experiment_file.h"
#include "services/optimizer/server/store_curves.h"

// Experiments as files.
namespace sda::optimizer {
namespace {

// As much as can be read back in one import.
constexpr size_t kMaxExportBytes = size_t{256} << 20;
constexpr int64_t kMeasurementsPage = 10'000;

absl::Status ExportTooLarge(const std::string& name) {
  return MakeError(absl::StatusCode::kResourceExhausted,
                   absl::StrCat(name, ": has more than ", kMaxExportBytes, " bytes; too large for one file"),
                   {.reason = "EXPORT_TOO_LARGE", .metadata = {{"name", name}}, .violations = {}});
}

}  // namespace

absl::Status Engine::ExportExperiment(const v1::ExportExperimentRequest& request,
                                      const std::function<bool(v1::ExportExperimentResponse)>& send) {
  SDA_ASSIGN_OR_RETURN(const std::string id, ParseExperimentName("name", request.name()));
  // Read at once and sent afterwards: a slow reader must not hold a snapshot open.
  std::vector<v1::ExportExperimentResponse> records;
  SDA_RETURN_IF_ERROR(database_.Read([&](Transaction& tx) -> absl::Status {
    records.clear();
    size_t bytes = 0;
    int64_t trial_count = 0, measurement_count = 0;
    const auto add = [&](v1::ExperimentRecord record) {
      bytes += record.ByteSizeLong();
      *records.emplace_back().mutable_record() = std::move(record);
    };
    SDA_ASSIGN_OR_RETURN(const store::ExperimentRow experiment, store::GetExperiment(tx, id));
    add(HeaderRecord(clock_.Now()));
    add(DefinitionRecord(experiment));
    SDA_ASSIGN_OR_RETURN(const auto trials, store::ListTrials(tx, id, {}));
    for (const store::TrialRow& trial : trials) {
      add(TrialRecordOf(trial));
      ++trial_count;
      for (int64_t after = 0;; after += kMeasurementsPage) {
        SDA_ASSIGN_OR_RETURN(auto measurements,
                             store::ListMeasurements(tx, trial.id, after, kMeasurementsPage));
        for (v1::Measurement& measurement : measurements) {
          v1::ExperimentRecord record;
          *record.mutable_measurement() = std::move(measurement);
          add(std::move(record));
          ++measurement_count;
        }
        if (bytes > kMaxExportBytes) return ExportTooLarge(request.name());
        if (static_cast<int64_t>(measurements.size()) < kMeasurementsPage) break;
      }
    }
    v1::ExperimentRecord footer;
    footer.mutable_footer()->set_trial_count(trial_count);
    footer.mutable_footer()->set_measurement_count(measurement_count);
    add(std::move(footer));
    return absl::OkStatus();
  }));
  for (auto& record : records) {
    if (!send(std::move(record))) return absl::CancelledError("nobody reads any more");
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ImportExperimentResponse> Engine::ImportExperiment(
    const std::vector<v1::ImportExperimentRequest>& requests) {
  if (requests.empty()) return InvalidField("records", "are missing; the stream is empty");
  const v1::ImportExperimentRequest& first = requests.front();
  if (!first.experiment_id().empty() && !IsResourceId(first.experiment_id())) {
    return InvalidField("experiment_id",
                        absl::StrCat("is \"", first.experiment_id().substr(0, 100),
                                     "\"; must be 1 to 63 characters of [a-z0-9-], beginning with a letter"));
  }
  SDA_ASSIGN_OR_RETURN(const ExperimentFile file, ReadRecords(requests, first.experiment_id()));
  // The whole stream is the payload; its hash stands for it.
  Sha256 hash;
  for (const auto& request : requests) hash.Update(DeterministicBytes(request));
  v1::ImportExperimentRequest payload;
  payload.set_request_id(first.request_id());
  payload.set_experiment_id(hash.HexDigest());
  return Once<v1::ImportExperimentResponse>(
      "ImportExperiment", payload, ExperimentName(file.experiment.id),
      [&](Transaction& tx) -> absl::StatusOr<v1::ImportExperimentResponse> {
        store::ExperimentRow experiment = file.experiment;
        // A file written by hand need not say when.
        for (auto* time :
             {experiment.message.mutable_create_time(), experiment.message.mutable_update_time()}) {
          if (time->seconds() == 0 && time->nanos() == 0) FromTime(clock_.Now(), *time);
        }
        SDA_RETURN_IF_ERROR(store::InsertExperiment(tx, experiment));
        for (const ExperimentFile::Entry& entry : file.trials) {
          store::TrialRow trial = entry.row;
          SDA_RETURN_IF_ERROR(store::InsertTrial(tx, trial));
          for (const v1::Measurement& measurement : entry.measurements) {
            SDA_RETURN_IF_ERROR(store::RestoreMeasurement(tx, trial.id, measurement));
            if (!measurement.superseded())
              SDA_RETURN_IF_ERROR(store::ExtendCurve(tx, trial.id, experiment.message, measurement));
          }
        }
        v1::ImportExperimentResponse response;
        *response.mutable_experiment() = experiment.message;
        SDA_RETURN_IF_ERROR(FillCounts(tx, experiment.id, *response.mutable_experiment()));
        return response;
      });
}

}  // namespace sda::optimizer
