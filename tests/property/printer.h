// Prints a Select as TreeQL, and as one SELECT of SQLite whose rows are the JSON texts expected.
//
//   TreeQL   SELECT { n: t1.n, a: [SELECT t2.s FROM Tb AS t2 WHERE t2.k = t1.k] } FROM Ta AS t1
//   SQLite   SELECT tq_obj('n', tq_val(t1.n, ''), 'a', (SELECT tq_arr(j) FROM (…))) AS j
//            FROM Ta AS t1 ORDER BY t1.k LIMIT -1
//
// The order that TreeQL promises (ORDER BY, then the tie-break) is spelt out for SQLite; tq_… are
// functions of oracle.h.  Thread: pure functions.
#pragma once

#include <string>

#include "tests/property/ast.h"
#include "tests/property/schema.h"

namespace tremula::property {

std::string tql_select(const Select& select);
std::string tql_expr(const Expr& expr);
std::string sql_select(const Schema& schema, const Select& select);
// Requires: no aggregate in it.
std::string sql_expr(const Schema& schema, const Expr& expr);

}  // namespace tremula::property
