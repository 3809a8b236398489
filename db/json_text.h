// JSON text in hand: cutting what the database printed into its parts, without building a document.
//
// Requires, throughout: text as print_json makes it (compact, valid).
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace tremula::db {

// Calls `member` with the name (unescaped) and the value's text of each member of an object.
void for_each_member(std::string_view object,
                     const std::function<void(std::string_view, std::string_view)>& member);

// How many elements an array has.
std::size_t json_array_size(std::string_view array);

// The text of a JSON string, without quotes and escapes, appended to `out`.
void unescape_json_string(std::string_view quoted, std::string& out);

// Appends {"name":value} parts: a comma if `out` doesn't end in an opening bracket, the name, a
// colon.
void begin_member(std::string& out, std::string_view name);

}  // namespace tremula::db
