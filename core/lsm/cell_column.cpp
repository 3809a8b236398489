#include "core/lsm/cell_column.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "core/base/check.h"

namespace tremula::lsm {

using triples::Slot;
using triples::Value;

namespace {

constexpr std::size_t kChunkBytes = CellColumn::kChunkSlots * sizeof(Value);

// The cells of every chunk that has none; never written.
Value* no_cells() {
  static std::array<Value, CellColumn::kChunkSlots> cells = [] {
    std::array<Value, CellColumn::kChunkSlots> missing;
    missing.fill(Value::missing());
    return missing;
  }();
  return cells.data();
}

Value* make_cells() {
  auto* cells = new Value[CellColumn::kChunkSlots];
  std::memcpy(static_cast<void*>(cells), no_cells(), kChunkBytes);
  return cells;
}

}  // namespace

CellColumn::~CellColumn() {
  for (std::size_t chunk = 0; chunk < cells_.size(); ++chunk) free_chunk(chunk);
}

CellColumn::CellColumn(CellColumn&& other) noexcept
    : attr_(other.attr_),
      cold_(other.cold_),
      texts_(other.texts_),
      cells_(std::exchange(other.cells_, {})),
      states_(std::exchange(other.states_, {})),
      bytes_(std::exchange(other.bytes_, 0)),
      scanned_(other.scanned_) {}

void CellColumn::grow(std::size_t chunks) {
  cells_.resize(cells_.size() + chunks, no_cells());
  states_.resize(cells_.size());
}

void CellColumn::set(Slot slot, Value value) {
  const std::size_t chunk = slot >> kChunkBits;
  if (cells_[chunk] == nullptr) load(chunk);
  if (cold_->source != nullptr) states_[chunk].version = cold_->version;
  Value*& cells = cells_[chunk];
  if (cells == nullptr || cells == no_cells()) {
    if (cells != nullptr && value.is_missing()) return;
    cells = make_cells();
    bytes_ += kChunkBytes;
  }
  cells[slot & (kChunkSlots - 1)] = value;
}

// A chunk that can't be loaded reads as missing and stays cold; the error is noted, and whoever
// asked for the rows gives it to the user instead of them.
const Value* CellColumn::load(std::size_t index) const {
  TREMULA_ASSERT(cold_->source != nullptr);
  State& chunk = states_[index];
  const auto begin = static_cast<Slot>(index << kChunkBits);
  Value* cells = nullptr;
  std::string text;
  const auto take = [&](Slot slot, Value value) {
    if (cells == nullptr) cells = make_cells();
    Value& cell = cells[slot - begin];
    cell = value;
    if (!value.has_bytes()) return;
    cell.kept_by_chunk = true;
    cell.integer = static_cast<std::int64_t>(text.size());  // a place until all are known
    text.append(value.data, value.size);
  };
  const auto loaded = cold_->source->cells(attr_, begin, begin + kChunkSlots, take);
  ++cold_->loads;
  if (!loaded.ok()) {
    delete[] cells;
    cold_->fail(loaded.error());
    return no_cells();
  }
  if (cells == nullptr) return cells_[index] = no_cells();
  chunk.text = new char[text.size() + 1];
  std::memcpy(chunk.text, text.data(), text.size());
  for (Value* cell = cells; cell != cells + kChunkSlots; ++cell) {
    if (cell->has_bytes()) cell->data = chunk.text + cell->integer;
  }
  chunk.text_size = text.size();
  bytes_ += kChunkBytes + text.size();
  return cells_[index] = cells;
}

const Value* CellColumn::keep(std::size_t index, const Value* from) const {
  ++cold_->loads;
  std::size_t text_size = 0;
  bool is_empty = true;
  for (const Value* cell = from; cell != from + kChunkSlots; ++cell) {
    is_empty = is_empty && cell->is_missing();
    if (cell->has_bytes()) text_size += cell->size;
  }
  if (is_empty) return cells_[index] = no_cells();
  Value* const cells = make_cells();
  State& chunk = states_[index];
  char* end = chunk.text = new char[text_size + 1];
  for (std::size_t i = 0; i < kChunkSlots; ++i) {
    cells[i] = from[i];
    if (!from[i].has_bytes()) continue;
    if (from[i].size > 0) std::memcpy(end, from[i].data, from[i].size);
    cells[i].kept_by_chunk = true;
    cells[i].data = end;
    end += from[i].size;
  }
  chunk.text_size = text_size;
  bytes_ += kChunkBytes + text_size;
  return cells_[index] = cells;
}

void CellColumn::free_chunk(std::size_t index) const {
  Value*& cells = cells_[index];
  if (cells == nullptr || cells == no_cells()) return;
  for (const Value* cell = cells; cell != cells + kChunkSlots; ++cell) texts_->release(*cell);
  delete[] cells;
  cells = nullptr;
  State& chunk = states_[index];
  delete[] chunk.text;
  bytes_ -= kChunkBytes + chunk.text_size;
  chunk.text = nullptr;
  chunk.text_size = 0;
}

bool CellColumn::drop(std::size_t index, std::uint64_t flushed) {
  State& chunk = states_[index];
  if (cells_[index] == nullptr || cells_[index] == no_cells()) return false;
  if (chunk.version > flushed || std::exchange(chunk.used, false)) return false;
  free_chunk(index);
  return true;
}

}  // namespace tremula::lsm
