#ifndef SDA_SERVICES_PREPROCESSING_SERVER_PROFILE_CONVERTER_H_
#define SDA_SERVICES_PREPROCESSING_SERVER_PROFILE_CONVERTER_H_

#include "sda/preprocessing/v1/profile.pb.h"
#include "services/preprocessing/core/profile/data_profile.h"

namespace sda::preprocessing {

// Everything but files, warnings and columns.
void ProfileHeadToProto(const DataProfile& profile, v1::DataProfile& proto);

void WarningToProto(const ProfileWarning& warning, v1::ProfileWarning& proto);

void ProfiledColumnToProto(const ProfiledColumn& column, v1::ProfiledColumn& proto);

}  // namespace sda::preprocessing

#endif  // SDA_SERVICES_PREPROCESSING_SERVER_PROFILE_CONVERTER_H_
