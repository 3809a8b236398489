// Document: a JSON text as a tree whose leaves keep their text, and JSON Patch (RFC 6902) on it.
//
//   parse("[{\"a\":1}]") -> array[ object{ a: leaf "1" } ] -> print() gives the same bytes back
//
// Written for the tests, apart from the engine's own JSON: it judges what the engine prints.
// Thread: a value; no shared state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tremula::property {

struct Document {
  enum class Kind { kLeaf, kArray, kObject };
  Kind kind = Kind::kLeaf;
  std::string text;               // kLeaf: as it was written
  std::vector<std::string> keys;  // kObject: as written, without quotes
  std::vector<Document> items;    // kArray, kObject

  std::string print() const;
};

// Returns: false if `text` is not one JSON value without spaces.
bool parse_document(std::string_view text, Document& result);

// Applies a patch in order.  Returns: what is wrong with it, or an empty text.
std::string apply_patch(Document& document, const Document& patch);

// The member of an object, or null.
const Document* member(const Document& object, std::string_view key);
// The content of a JSON string leaf whose escapes are those of patches: \" and \\.
std::string string_of(const Document& leaf);

}  // namespace tremula::property
