// ChangeRecord: what a replica tells others of one value, or of one row, as one line of JSON.
//
//   {"table":2,"key":[4],"column":2,"value":"x","cl":1,"version":17,"site":"9f...",
//    "db_version":17,"seq":0}                                (one line)
//   "column": null      the row itself was created (cl odd) or deleted (cl even); value is null
//             "mood"    a column that isn't declared, by its name
//   "rule": "MAX"       behind column, unless LWW
//   "value": {"bytes":"yv4="}, {"json":[1]}; of a SET {"add":e} or {"remove":e}, e INT, TEXT, NULL
//   {"site":"9f...","db_version":57}                 ends a list: the cursor to come back with
//
// Errors of reading: corrupt, with line, byte and what was expected. Members may come in any order,
// with white space between; all must be there, none twice, no others.
// Thread: pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/arena.h"
#include "core/base/result.h"
#include "core/crdt/stamp.h"
#include "core/triples/catalog.h"
#include "core/triples/ids.h"
#include "core/triples/value.h"

namespace tremula::crdt {

struct ChangeRecord {
  triples::TypeId table{};
  std::string_view key;                        // its values one behind the other, as
                                               // encode_ordered writes them
  triples::AttrId column = triples::kRowAttr;  // kRowAttr: the row itself, unless a name is given
  std::string_view column_name;                // of an undeclared column, else empty
  triples::MergeRule rule = triples::MergeRule::kLww;
  triples::Value value;     // COUNTER: the site's sum; SET: the element
  bool is_removal = false;  // of a SET's element
  CausalLength cl{};
  Version version{};
  SiteId site;
  Position position;

  bool is_row() const { return column == triples::kRowAttr && column_name.empty(); }
};

// The last line of a list of changes.
struct ChangesEnd {
  SiteId site;
  DbVersion db_version{};
};

struct ChangeLine {
  bool is_end = false;
  ChangeRecord record;  // unless is_end
  ChangesEnd end;       // if is_end
};

// Both append a line with its line feed.
// Requires: what parse_change() gives back: numbers in their ranges, a key of INT, TEXT, BYTES and
// BOOL, a value that fits the rule.
void print_change(const ChangeRecord& record, std::string& out);
void print_end(const ChangesEnd& end, std::string& out);

// Reads a line; `line_number` is for the error's message.
// Borrowed: the line and the arena, by the record.
base::Result<void> parse_change(std::string_view line, std::size_t line_number, base::Arena& arena,
                                ChangeLine& out);

}  // namespace tremula::crdt
