#include "core/dataflow/render.h"

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

void print_object(const BlockInstance& instance, const std::vector<BlockProperty>& properties,
                  const RowContext& row, std::string& out) {
  out += '{';
  bool first = true;
  for (const BlockProperty& property : properties) {
    if (!first) out += ',';
    first = false;
    triples::print_json_string(property.name, out);
    out += ':';
    print_property(instance, property, row, out);
  }
  out += '}';
}

}  // namespace

void print_property(const BlockInstance& instance, const BlockProperty& property,
                    const RowContext& row, std::string& out) {
  switch (property.kind) {
    case PropertyKind::kValue: triples::print_json(evaluate(property.node, row), out); return;
    case PropertyKind::kObject: print_object(instance, property.properties, row, out); return;
    case PropertyKind::kArray:
      print_rows(*instance.sites().child(property.site, row), row.side, out);
      return;
    case PropertyKind::kSingle:
      print_single(*instance.sites().child(property.site, row), row.side, out);
      return;
  }
}

void print_row(const BlockInstance& instance, RowId row, Side side, std::string& out) {
  Slot scratch;
  const RowContext context = instance.shape_context(row, side, scratch);
  const Block& block = instance.block();
  if (block.bare)
    print_property(instance, block.properties[0], context, out);
  else
    print_object(instance, block.properties, context, out);
}

void print_rows(const BlockInstance& instance, Side side, std::string& out) {
  out += '[';
  bool first = true;
  instance.for_each_visible(side, [&](RowId row) {
    if (!first) out += ',';
    first = false;
    print_row(instance, row, side, out);
  });
  out += ']';
}

void print_single(const BlockInstance& instance, Side side, std::string& out) {
  const RowId row = instance.row_at(0, side);
  if (row == kAllRows)
    out += "null";
  else
    print_row(instance, row, side, out);
}

void print_key(const BlockInstance& instance, RowId row, Side side, std::string& out) {
  std::string bytes, scratch;
  instance.core().tie_break(row, side, bytes);
  out += '[';
  std::string_view rest = bytes;
  while (!rest.empty()) {
    if (rest.size() != bytes.size()) out += ',';
    triples::print_json(triples::decode_ordered(rest, scratch), out);
  }
  out += ']';
}

Value render_value(BlockInstance& instance, SiteKind kind, Side side, base::Arena& arena) {
  if (kind == SiteKind::kSingle && instance.block().bare) return instance.scalar(side);
  std::string text;
  if (kind == SiteKind::kArray)
    print_rows(instance, side, text);
  else
    print_single(instance, side, text);
  return text == "null" ? Value::null() : Value::json_of(arena.copy(text));
}

}  // namespace tremula::dataflow
