#include "core/dataflow/render.h"

#include <vector>

#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Slot;
using triples::Value;

namespace {

// `instance`: of the shape's sub-selects; null if there are none.
void print_any(const BlockInstance* instance, const BlockProperty& property, const RowContext& row,
               std::string& out);

void print_object(const BlockInstance* instance, const std::vector<BlockProperty>& properties,
                  const RowContext& row, std::string& out) {
  out += '{';
  bool first = true;
  for (const BlockProperty& property : properties) {
    out.append(property.label, first ? 1 : 0);
    first = false;
    print_any(instance, property, row, out);
  }
  out += '}';
}

void print_any(const BlockInstance* instance, const BlockProperty& property, const RowContext& row,
               std::string& out) {
  switch (property.kind) {
    case PropertyKind::kValue: triples::print_json(evaluate(property.node, row), out); return;
    case PropertyKind::kObject: print_object(instance, property.properties, row, out); return;
    case PropertyKind::kArray:
      print_rows(*instance->sites().child(property.site, row), row.side, out);
      return;
    case PropertyKind::kSingle:
      print_single(*instance->sites().child(property.site, row), row.side, out);
      return;
  }
}

void print_shape(const BlockInstance* instance, const Block& block, const RowContext& row,
                 std::string& out) {
  if (block.bare)
    print_any(instance, block.properties[0], row, out);
  else
    print_object(instance, block.properties, row, out);
}

}  // namespace

void print_property(const BlockInstance& instance, const BlockProperty& property,
                    const RowContext& row, std::string& out) {
  print_any(&instance, property, row, out);
}

void print_row(const BlockInstance& instance, RowId row, Side side, std::string& out) {
  Slot scratch;
  print_shape(&instance, instance.block(), instance.shape_context(row, side, scratch), out);
}

void print_plain(const Block& block, const RowContext& row, std::string& out) {
  print_shape(nullptr, block, row, out);
}

// Of many rows, cells and texts are on their way from memory while others are printed.
void print_rows(const BlockInstance& instance, Side side, std::string& out) {
  constexpr std::size_t kManyMin = 8;
  constexpr std::size_t kCellsAhead = 12;
  constexpr std::size_t kTextsAhead = 6;
  out += '[';
  const std::size_t count = instance.row_count(side);
  const CoreSource* source = instance.core().plain_source();
  std::vector<RowId> rows;
  if (count >= kManyMin && source != nullptr && source->relation != nullptr) rows.reserve(count);
  bool first = true;
  auto print = [&](RowId row) {
    if (!first) out += ',';
    first = false;
    print_row(instance, row, side, out);
  };
  instance.for_each_visible(side, [&](RowId row) {
    if (rows.capacity() == 0)
      print(row);
    else
      rows.push_back(row);
  });
  const std::size_t begin = out.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    // A text that grows by doubling is copied, and touches new memory, twice over.
    if (i == kManyMin) {
      const std::size_t each = (out.size() - begin) / kManyMin;
      out.reserve(out.size() + (each + each / 8 + 1) * (rows.size() - i) + 1);
    }
    if (i + kCellsAhead < rows.size() &&
        triples::worth_prefetching(rows[i], rows[i + kCellsAhead])) {
      source->relation->prefetch(rows[i + kCellsAhead], source->read_columns);
      source->relation->prefetch_texts(rows[i + kTextsAhead], source->read_columns);
    }
    print(rows[i]);
  }
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
