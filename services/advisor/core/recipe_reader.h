#ifndef SDA_SERVICES_ADVISOR_CORE_RECIPE_READER_H_
#define SDA_SERVICES_ADVISOR_CORE_RECIPE_READER_H_

#include <optional>
#include <string>
#include <vector>

#include "services/advisor/core/recipe.h"
#include "services/advisor/core/spec.h"

namespace sda::advisor {

struct RecipeReading {
  std::optional<Recipe> recipe;             // set where there are no violations
  std::vector<RecipeViolation> violations;  // by line, then column
};

// What a recipe's YAML says, or every rule that it breaks. ReadRecipe(WriteRecipe(r)) gives r back.
RecipeReading ReadRecipe(const std::string& yaml, const SpecRules& rules);

}  // namespace sda::advisor

#endif  // SDA_SERVICES_ADVISOR_CORE_RECIPE_READER_H_
