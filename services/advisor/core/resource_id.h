#ifndef SDA_SERVICES_ADVISOR_CORE_RESOURCE_ID_H_
#define SDA_SERVICES_ADVISOR_CORE_RESOURCE_ID_H_

#include <string>
#include <string_view>

namespace sda::advisor {

// Names of resources: "collection/id". Everything about their form stands here.

inline constexpr char kResourceIdRule[] =
    "the id being 1 to 63 characters of [a-z0-9-], starting with a letter";

bool IsResourceId(std::string_view id);

// Whether `name` is "<collection>/<id>".
bool IsResourceName(std::string_view name, std::string_view collection);

std::string ResourceName(std::string_view collection, std::string_view id);

// The id of a name for which IsResourceName holds.
std::string ResourceId(std::string_view name);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_RESOURCE_ID_H_
