#ifndef SDA_SERVICES_ADVISOR_CORE_RECIPE_WRITER_H_
#define SDA_SERVICES_ADVISOR_CORE_RECIPE_WRITER_H_

#include <string>

#include "services/advisor/core/recipe.h"
#include "services/advisor/core/spec.h"

namespace sda::advisor {

// The recipe as YAML, everything in a fixed order, so that equal recipes give equal bytes and
// WriteRecipe(ReadRecipe(WriteRecipe(r))) changes none. Comments say what people need to edit it.
std::string WriteRecipe(const Recipe& recipe, const SpecRules& rules);

// `text` as a YAML scalar: as it is where that reads back as the same text, else in double quotes.
std::string YamlText(const std::string& text);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_RECIPE_WRITER_H_
