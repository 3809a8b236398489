// Everything of the face: #include <tremula/tremula.h>
#pragma once

#include "tremula/database.h"      // IWYU pragma: export
#include "tremula/error.h"         // IWYU pragma: export
#include "tremula/options.h"       // IWYU pragma: export
#include "tremula/subscription.h"  // IWYU pragma: export
#include "tremula/transaction.h"   // IWYU pragma: export
#include "tremula/value.h"         // IWYU pragma: export
#include "tremula/version.h"       // IWYU pragma: export
