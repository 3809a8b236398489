#include "db/column_reading.h"

namespace tremula::db {

using triples::ColumnDef;
using triples::OwnedValue;
using triples::Value;

namespace {

Value default_of(const ColumnDef& column) {
  return column.default_value ? column.default_value->value() : Value::null();
}

}  // namespace

ColumnDef reading_of(ColumnDef column) {
  if (column.merge == triples::MergeRule::kCounter && default_of(column).is_null()) {
    column.default_value = OwnedValue(Value::int_of(0));
  }
  return column;
}

bool reads_same(const ColumnDef& a, const ColumnDef& b) {
  return a.type == b.type && a.visible == b.visible && a.merge == b.merge &&
         identical(default_of(a), default_of(b));
}

}  // namespace tremula::db
