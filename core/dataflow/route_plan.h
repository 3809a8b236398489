// RoutePlan: which rows of a source may concern an instance, told by the select's conditions.
//
//   WHERE i.grp = $0 AND i.val < $1 OR i.state IN (1, $2)
//     arm  grp = $0, val < $1          a row concerns the instance if it meets all terms of an arm,
//     arm  state in 1, $2              before the commit or after it
//   JOIN note AS n ON n.item = i.id WHERE i.grp = $0, of a row of note
//     arm  through item(id) from note.item: grp = $0
//   WHERE EXISTS (SELECT 1 FROM note AS n WHERE n.item = i.id AND n.author = $0), of a row of item
//     arm  through note(item) from item.id: author = $0
//
// Terms that a plan doesn't hold are left to the instance: a plan names too many rows, never too
// few.
// Thread: immutable once built.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataflow/program.h"

namespace tremula::dataflow {

// One condition on a row. `of_row` reads the row (as source 0) and no parameter, `values` read
// parameters and no row.
struct RouteTerm {
  enum class Kind : std::uint8_t {
    kEqual,   // one of `values`
    kFrom,    // >=
    kBehind,  // >
    kBelow,   // <
    kUpTo,    // <=
    kLike,    // by the letters before the first wildcard; a second value is the escape
    kGlob     // likewise
  };
  Kind kind = Kind::kEqual;
  bool null_meets = false;  // of kEqual: IS, to which NULL equals NULL
  Node of_row;
  std::vector<Node> values;
  std::string text;  // equal texts: equal `of_row`, compared in the same way
};

// From a row to the rows of another table whose `columns` equal `from`, which is over the row.
struct RouteHop {
  triples::TypeId table{};
  const triples::Relation* relation = nullptr;
  std::vector<Node> from;
  std::vector<triples::ColumnIndex> columns;  // parallel
  bool by_key = false;                        // the columns are its key, in order
  std::string text;
};

struct RouteArm {
  std::vector<RouteHop> hops;
  std::vector<RouteTerm> terms;  // over the row at the end
};

struct RoutePlan {
  std::vector<RouteArm> arms;  // an arm without terms: all rows
};

}  // namespace tremula::dataflow
