#include "services/optimizer/server/store_transfer.h"

#include "common/base/status_macros.h"

namespace sda::optimizer::store {

absl::Status RestoreMeasurements(sql::Transaction& tx, const TrialId& id,
                                 const std::vector<v1::Measurement>& measurements) {
  int64_t position = 0;
  for (const v1::Measurement& measurement : measurements) {
    ++position;  // as AppendMeasurement counts
    SDA_RETURN_IF_ERROR(AppendMeasurement(tx, id, measurement));
    if (!measurement.superseded()) continue;
    SDA_RETURN_IF_ERROR(tx.Execute("UPDATE measurements SET superseded = 1 WHERE experiment = :experiment "
                                   "AND trial = :trial AND position = :position",
                                   {id.experiment_id, id.number, position})
                            .status());
  }
  return absl::OkStatus();
}

}  // namespace sda::optimizer::store
