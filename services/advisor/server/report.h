#ifndef SDA_SERVICES_ADVISOR_SERVER_REPORT_H_
#define SDA_SERVICES_ADVISOR_SERVER_REPORT_H_

#include <string>
#include <vector>

#include "sda/optimizer/v1/experiment.pb.h"
#include "services/advisor/server/run_table.h"

namespace sda::advisor {

// What goes beside a delivered model, for programs and for people. `entry` is the run with its result,
// `trials` those of its experiment in order.
std::string ReportJson(const RunEntry& entry, const std::vector<optimizer::v1::Trial>& trials);
std::string ReportMarkdown(const RunEntry& entry, const std::vector<optimizer::v1::Trial>& trials);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_SERVER_REPORT_H_
