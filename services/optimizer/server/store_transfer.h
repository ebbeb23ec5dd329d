#ifndef SDA_SERVICES_OPTIMIZER_SERVER_STORE_TRANSFER_H_
#define SDA_SERVICES_OPTIMIZER_SERVER_STORE_TRANSFER_H_

#include <vector>

#include "services/optimizer/server/store.h"

// What only imports need of the tables.
namespace sda::optimizer::store {

// The measurements of a trial that has none, in order, superseded ones as such.
absl::Status RestoreMeasurements(sql::Transaction& tx, const TrialId& id,
                                 const std::vector<v1::Measurement>& measurements);

}  // namespace sda::optimizer::store

#endif  // SDA_SERVICES_OPTIMIZER_SERVER_STORE_TRANSFER_H_
