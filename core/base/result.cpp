#include "core/base/result.h"

namespace tremula::base {

std::string_view error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kOk: return "ok";
    case ErrorCode::kSyntax: return "syntax";
    case ErrorCode::kUnknownTable: return "unknown_table";
    case ErrorCode::kUnknownColumn: return "unknown_column";
    case ErrorCode::kUnknownFunction: return "unknown_function";
    case ErrorCode::kAmbiguousColumn: return "ambiguous_column";
    case ErrorCode::kTypeMismatch: return "type_mismatch";
    case ErrorCode::kDuplicateKey: return "duplicate_key";
    case ErrorCode::kNotNull: return "not_null";
    case ErrorCode::kKeyUpdate: return "key_update";
    case ErrorCode::kSchemaConflict: return "schema_conflict";
    case ErrorCode::kUnboundParameter: return "unbound_parameter";
    case ErrorCode::kLimitRange: return "limit_range";
    case ErrorCode::kDuplicateSubscription: return "duplicate_subscription";
    case ErrorCode::kUnknownSubscription: return "unknown_subscription";
    case ErrorCode::kReadOnly: return "read_only";
    case ErrorCode::kInvalidUtf8: return "invalid_utf8";
    case ErrorCode::kIo: return "io";
    case ErrorCode::kCorrupt: return "corrupt";
    case ErrorCode::kLocked: return "locked";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kInterrupted: return "interrupted";
  }
  TREMULA_ASSERT(!"an error code without a name");
}

}  // namespace tremula::base
