// The inside of Memtable.
// Thread: as Memtable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/arena.h"
#include "core/base/flat_map.h"
#include "core/lsm/memtable.h"

namespace tremula::lsm {

struct MemtableCell {
  triples::Value value;  // its bytes are in the arena
  std::uint64_t version = 0;
  triples::AttrId attr{};
};

struct MemtableLine {
  triples::TypeId type{};
  triples::Slot slot = 0;
  triples::Fate fate = triples::Fate::kUpdated;
  bool is_fresh = false;   // inserted first: the files have nothing living here
  bool was_wiped = false;  // the files may have it; it was deleted here
  std::uint32_t cells = 0;
  std::uint32_t cells_max = 0;
  MemtableCell* cell = nullptr;  // in the arena
  std::string_view key;
  std::uint64_t version = 0;  // of the last insertion or deletion
  std::uint64_t order = 0;    // the place of that among all of the memtable
};

struct Memtable::State {
  // A row of the files that was deleted here, and the key by which they know it.
  struct Wiped {
    std::uint32_t line = 0;
    std::string_view key;
  };
  // A key whose row's slot was taken over by another key.
  struct DeadKey {
    triples::TypeId type{};
    std::string_view key;
    std::uint64_t version = 0;
    std::uint64_t order = 0;
  };

  // The last that was said of a key here.
  struct KeyNote {
    KeyState state;
    std::uint64_t order = 0;
  };
  using KeyId = std::pair<triples::TypeId, std::string_view>;
  struct HashKeyId {
    std::size_t operator()(const KeyId& id) const {
      return std::hash<std::string_view>{}(id.second) * 31 + static_cast<std::size_t>(id.first);
    }
  };

  void put_cells(MemtableLine& line, const std::vector<triples::WrittenCell>& cells,
                 std::uint64_t version);
  MemtableCell& cell_of(MemtableLine& line, triples::AttrId attr, std::uint32_t hint);
  triples::Value copy(triples::Value value);
  std::string_view copy_text(std::string_view text);
  void wipe(std::uint32_t index);
  void revive(MemtableLine& line, std::string_view key);
  void index_keys();
  void note_key(triples::TypeId type, std::string_view key, const KeyState& state,
                std::uint64_t order);

  base::Arena arena;
  std::vector<MemtableLine> lines;                      // in the order in which they came
  base::FlatMap<std::uint64_t, std::uint32_t> line_of;  // by type << 32 | slot
  std::vector<Wiped> wiped;
  std::vector<DeadKey> dead_keys;
  // By type and key, of the arena; once somebody has asked for a key.
  std::optional<std::unordered_map<KeyId, KeyNote, HashKeyId>> keys;
  std::uint64_t next_order = 0;
  std::size_t arena_bytes = 0;  // taken from it
};

inline std::uint64_t line_id(triples::TypeId type, triples::Slot slot) {
  return static_cast<std::uint64_t>(type) << 32 | slot;
}

}  // namespace tremula::lsm
