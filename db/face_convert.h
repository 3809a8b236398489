// Between the face's types and the engine's.
//
// Thread: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/base/result.h"
#include "core/dataflow/plan_tree.h"
#include "core/triples/value.h"
#include "tremula/error.h"
#include "tremula/subscription.h"
#include "tremula/value.h"

namespace tremula::db {

// `source`: the text that the error's span counts in; empty if the error came from a call without
// text.
Error to_face(const base::Error& error, std::string_view source);
Value to_face(triples::Value value);

dataflow::PlanFormat to_plan_format(PlanFormat format);

// An error of the face's own, without a place.
Error face_error(base::ErrorCode code, std::string message);

// The value, or the error as an exception of the face.
template <typename T>
T take(base::Result<T> result, std::string_view source = {}) {
  if (!result.ok()) throw_error(to_face(result.error(), source));
  if constexpr (!std::is_void_v<T>) return std::move(result).value();
}

}  // namespace tremula::db
