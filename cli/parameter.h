// Parameter: `--param name=value`, read as the contract says: a JSON scalar if it is one, or TEXT.
//
// Thread: values.
#pragma once

#include <string>
#include <string_view>

#include "tremula/tremula.h"

namespace tremula::cli {

struct Parameter {
  std::string name;
  Value value;
};

// `5` is INT, `"5"` and `0171` are TEXT, `null` is NULL.
// Requires: `text` has a '=' behind at least one character.
// Errors: invalid_utf8.
Result<Parameter> parse_parameter(std::string_view text);

}  // namespace tremula::cli
