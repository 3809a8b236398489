// Runs a scenario in a child process, so that a crash or an endless loop is a failure like others.
// Thread: one.
#pragma once

#include "tests/property/scenario.h"

namespace tremula::property {

// Returns: as run_scenario(); for a crash "signal N" and what the child wrote to standard error.
Failure run_apart(const Scenario& scenario);

}  // namespace tremula::property
