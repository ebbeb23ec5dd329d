#ifndef SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PAGE_H_
#define SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PAGE_H_

#include <string>

#include "services/preprocessing/core/profile/data_profile.h"

namespace sda::preprocessing {

// The profile as one HTML page: what to look at first, a table of the columns, then each column with its
// charts. It holds everything it shows (no scripts, no other files), follows the reader's light or dark
// setting, and prints.
std::string RenderProfilePage(const DataProfile& profile);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_CORE_PROFILE_PROFILE_PAGE_H_
