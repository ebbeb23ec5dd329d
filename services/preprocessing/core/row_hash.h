#ifndef SDA_SERVICES_PREPROCESSING_CORE_ROW_HASH_H_
#define SDA_SERVICES_PREPROCESSING_CORE_ROW_HASH_H_

#include "common/base/row_hash.h"  // shared with serving

#endif  // SDA_SERVICES_PREPROCESSING_CORE_ROW_HASH_H_
