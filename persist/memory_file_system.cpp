#include "persist/memory_file_system.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>

namespace tremula::persist {
namespace {

using base::Error;
using base::ErrorCode;
using base::Result;

// splitmix64: the same numbers for a seed on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t below(std::uint64_t bound) {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return (z ^ (z >> 31)) % bound;
  }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }

 private:
  std::uint64_t state_;
};

std::uint64_t new_identity() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

// A write since the last sync; a change of the size has no bytes.
struct Write {
  std::uint64_t offset = 0;
  std::string bytes;
  std::uint64_t size_after = 0;
};

void apply_write(std::string& file, const Write& write) {
  file.resize(static_cast<std::size_t>(std::max<std::uint64_t>(write.size_after, file.size())));
  std::copy(write.bytes.begin(), write.bytes.end(),
            file.begin() + static_cast<std::ptrdiff_t>(write.offset));
  file.resize(static_cast<std::size_t>(write.size_after));
}

// A file or a directory.
struct Node;
using Names = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

// A change of a directory since its last sync: `erased` goes, `set` is `node`.
struct NameChange {
  std::string erased, set;
  std::shared_ptr<Node> node;
};

void apply_change(Names& names, const NameChange& change) {
  if (!change.erased.empty()) names.erase(change.erased);
  if (!change.set.empty()) names[change.set] = change.node;
}

struct Node {
  bool is_directory = false;
  std::uint64_t identity = new_identity();
  // A file.
  std::string bytes, synced_bytes;
  std::vector<Write> writes;
  bool locked = false;
  // A directory.
  Names names, synced_names;
  std::vector<NameChange> changes;

  void change(NameChange change) {
    apply_change(names, change);
    changes.push_back(std::move(change));
  }
};

// The bytes of one piece after the first `count` of the writes that touch it.
void rewrite_piece(std::string& out, const Node& node, std::size_t begin, std::size_t end,
                   std::uint64_t count) {
  std::string piece(end - begin, '\0');
  const auto copy_in = [&](std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t from = std::max<std::uint64_t>(offset, begin);
    const std::uint64_t to = std::min<std::uint64_t>(offset + bytes.size(), end);
    if (from < to) bytes.copy(&piece[from - begin], to - from, from - offset);
  };
  copy_in(0, node.synced_bytes);
  for (const Write& write : node.writes) {
    const bool touches = write.offset < end && write.offset + write.bytes.size() > begin;
    if (touches && count-- == 0) break;
    copy_in(write.offset, write.bytes);
    if (write.size_after < end)
      std::fill(piece.begin() + static_cast<std::ptrdiff_t>(
                                    std::max<std::uint64_t>(write.size_after, begin) - begin),
                piece.end(), '\0');
  }
  std::copy(piece.begin(), piece.end(), out.begin() + static_cast<std::ptrdiff_t>(begin));
}

std::string bytes_after_cut(const Node& node, const PowerCut& cut, Dice& dice) {
  if (cut.data_percent == 0 || node.writes.empty()) return node.synced_bytes;
  // The size is noted apart from the data: any that the file had may be found.
  std::uint64_t size = node.bytes.size();
  if (!dice.chance(cut.data_percent)) {
    const std::uint64_t at = dice.below(node.writes.size());
    size = at == 0 ? node.synced_bytes.size() : node.writes[at - 1].size_after;
  }
  std::map<std::uint64_t, std::uint64_t> touches;  // piece -> how many writes touch it
  for (const Write& write : node.writes) {
    if (write.bytes.empty()) continue;
    const std::uint64_t last = (write.offset + write.bytes.size() - 1) / cut.piece_bytes;
    for (std::uint64_t piece = write.offset / cut.piece_bytes; piece <= last; ++piece)
      ++touches[piece];
  }
  std::string out = node.synced_bytes;
  out.resize(static_cast<std::size_t>(size));
  for (const auto& [piece, writes] : touches) {
    const std::uint64_t kept = dice.chance(cut.data_percent) ? writes : dice.below(writes);
    const std::uint64_t begin = piece * cut.piece_bytes;
    const std::uint64_t end = std::min<std::uint64_t>(begin + cut.piece_bytes, size);
    if (begin < end)
      rewrite_piece(out, node, static_cast<std::size_t>(begin), static_cast<std::size_t>(end),
                    kept);
  }
  return out;
}

using Copies = std::map<const Node*, std::shared_ptr<Node>>;

// A file that has two names afterwards, for a renaming was kept in one directory alone, is copied
// once.
std::shared_ptr<Node> node_after_cut(const Node& node, const PowerCut& cut, Dice& dice,
                                     Copies& copies) {
  if (const auto copied = copies.find(&node); copied != copies.end()) return copied->second;
  auto copy = std::make_shared<Node>();
  copies[&node] = copy;
  copy->is_directory = node.is_directory;
  copy->identity = node.identity;
  copy->bytes = copy->synced_bytes = bytes_after_cut(node, cut, dice);
  Names names = node.synced_names;
  for (const NameChange& change : node.changes)
    if (dice.chance(cut.names_percent)) apply_change(names, change);
  for (const auto& [name, child] : names)
    copy->names[name] = node_after_cut(*child, cut, dice, copies);
  copy->synced_names = copy->names;
  return copy;
}

std::uint64_t bytes_below(const Node& node) {
  std::uint64_t bytes = node.bytes.size();
  for (const auto& [name, child] : node.names) bytes += bytes_below(*child);
  return bytes;
}

Error io_error(const std::string& path, std::string_view what) {
  return {ErrorCode::kIo, path + ": " + std::string(what)};
}

// "a//b/./c" as a, b, c; an absolute path is the same as a relative one.
std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    if (!part.empty() && part != ".") parts.emplace_back(part);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return parts;
}

}  // namespace

struct MemoryFileSystem::State {
  mutable std::mutex mutex;
  std::shared_ptr<Node> root = std::make_shared<Node>();
  std::uint64_t capacity = std::numeric_limits<std::int64_t>::max();
  std::optional<std::pair<std::int64_t, std::int64_t>> clock;

  State() { root->is_directory = true; }

  // Returns: null if it isn't there.
  std::shared_ptr<Node> find(const std::vector<std::string>& parts) const {
    std::shared_ptr<Node> node = root;
    for (const std::string& part : parts) {
      const auto child = node->names.find(part);
      if (child == node->names.end()) return nullptr;
      node = child->second;
    }
    return node;
  }
  // The directory of a path and its last part.
  struct Place {
    std::shared_ptr<Node> directory;
    std::string name;
  };
  Result<Place> place(const std::string& path) const {
    std::vector<std::string> parts = parts_of(path);
    if (parts.empty()) return io_error(path, "is a directory");
    std::string name = std::move(parts.back());
    parts.pop_back();
    std::shared_ptr<Node> directory = find(parts);
    if (!directory || !directory->is_directory) return io_error(path, "there is no such directory");
    return Place{std::move(directory), std::move(name)};
  }
  Result<std::shared_ptr<Node>> directory(const std::string& path) const {
    std::shared_ptr<Node> node = find(parts_of(path));
    if (!node || !node->is_directory) return io_error(path, "there is no such directory");
    return node;
  }
  std::uint64_t room() const {
    const std::uint64_t used = bytes_below(*root);
    return used < capacity ? capacity - used : 0;
  }

  class OpenFile;
  class HeldLock;
};

class MemoryFileSystem::State::OpenFile : public base::File {
 public:
  OpenFile(std::shared_ptr<State> state, std::shared_ptr<Node> node, std::string path, bool writes)
      : state_(std::move(state)), node_(std::move(node)), path_(std::move(path)), writes_(writes) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<char> out) override {
    const std::lock_guard guard(state_->mutex);
    if (offset >= node_->bytes.size()) return std::size_t{0};
    return std::string_view(node_->bytes)
        .copy(out.data(), out.size(), static_cast<std::size_t>(offset));
  }
  Result<void> write(std::uint64_t offset, std::string_view bytes) override {
    const std::lock_guard guard(state_->mutex);
    if (!writes_) return io_error(path_, "write: it was opened for reading");
    const std::uint64_t old_size = node_->bytes.size();
    const std::uint64_t end = offset + bytes.size();
    std::uint64_t fits = bytes.size();
    if (end > old_size) {
      const std::uint64_t room = state_->room();
      if (room < end - old_size) fits -= std::min(fits, end - old_size - room);
    }
    if (fits > 0) put(offset, bytes.substr(0, static_cast<std::size_t>(fits)));
    if (fits == bytes.size()) return {};
    return io_error(path_, std::string("write: ") + std::string(base::kDiskFullReason));
  }
  Result<void> sync() override {
    const std::lock_guard guard(state_->mutex);
    for (const Write& write : node_->writes) apply_write(node_->synced_bytes, write);
    node_->writes.clear();
    return {};
  }
  Result<std::uint64_t> size() override {
    const std::lock_guard guard(state_->mutex);
    return std::uint64_t{node_->bytes.size()};
  }
  Result<void> resize(std::uint64_t size) override {
    const std::lock_guard guard(state_->mutex);
    if (!writes_) return io_error(path_, "resize: it was opened for reading");
    if (size > node_->bytes.size() && size - node_->bytes.size() > state_->room())
      return io_error(path_, std::string("resize: ") + std::string(base::kDiskFullReason));
    node_->writes.push_back({0, {}, size});
    apply_write(node_->bytes, node_->writes.back());
    return {};
  }

 private:
  void put(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t size_after =
        std::max<std::uint64_t>(node_->bytes.size(), offset + bytes.size());
    node_->writes.push_back({offset, std::string(bytes), size_after});
    apply_write(node_->bytes, node_->writes.back());
  }

  std::shared_ptr<State> state_;
  std::shared_ptr<Node> node_;
  std::string path_;
  bool writes_;
};

class MemoryFileSystem::State::HeldLock : public base::FileLock {
 public:
  HeldLock(std::shared_ptr<State> state, std::shared_ptr<Node> node)
      : state_(std::move(state)), node_(std::move(node)) {}
  ~HeldLock() override {
    const std::lock_guard guard(state_->mutex);
    node_->locked = false;
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Node> node_;
};

MemoryFileSystem::MemoryFileSystem() : state_(std::make_shared<State>()) {}
MemoryFileSystem::~MemoryFileSystem() = default;

Result<std::unique_ptr<base::File>> MemoryFileSystem::open(const std::string& path,
                                                           base::OpenMode mode) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY_ASSIGN(const State::Place place, state_->place(path));
  const auto found = place.directory->names.find(place.name);
  std::shared_ptr<Node> node = found == place.directory->names.end() ? nullptr : found->second;
  if (mode == base::OpenMode::kCreate) {
    if (node) return io_error(path, "open: it is there already");
    node = std::make_shared<Node>();
    place.directory->change({.erased = {}, .set = place.name, .node = node});
  }
  if (!node) return io_error(path, "open: there is no such file");
  if (node->is_directory) return io_error(path, "open: is a directory");
  return std::unique_ptr<base::File>(std::make_unique<State::OpenFile>(
      state_, std::move(node), path, mode != base::OpenMode::kRead));
}

Result<bool> MemoryFileSystem::exists(const std::string& path) {
  const std::lock_guard guard(state_->mutex);
  return state_->find(parts_of(path)) != nullptr;
}

Result<void> MemoryFileSystem::rename(const std::string& from, const std::string& to) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY_ASSIGN(const State::Place old_place, state_->place(from));
  TREMULA_TRY_ASSIGN(const State::Place new_place, state_->place(to));
  const auto found = old_place.directory->names.find(old_place.name);
  if (found == old_place.directory->names.end())
    return io_error(from, "rename: there is no such file");
  const std::shared_ptr<Node> node = found->second;
  if (old_place.directory == new_place.directory) {
    if (old_place.name != new_place.name)
      old_place.directory->change({old_place.name, new_place.name, node});
    return {};
  }
  new_place.directory->change({.erased = {}, .set = new_place.name, .node = node});
  old_place.directory->change({.erased = old_place.name, .set = {}, .node = nullptr});
  return {};
}

Result<void> MemoryFileSystem::remove(const std::string& path) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY_ASSIGN(const State::Place place, state_->place(path));
  const auto found = place.directory->names.find(place.name);
  if (found == place.directory->names.end()) return io_error(path, "remove: there is no such file");
  if (found->second->is_directory) return io_error(path, "remove: is a directory");
  place.directory->change({.erased = place.name, .set = {}, .node = nullptr});
  return {};
}

Result<std::vector<std::string>> MemoryFileSystem::list(const std::string& directory) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY_ASSIGN(const std::shared_ptr<Node> node, state_->directory(directory));
  std::vector<std::string> names;
  for (const auto& [name, child] : node->names) names.push_back(name);
  return names;
}

Result<void> MemoryFileSystem::make_directory(const std::string& directory) {
  const std::lock_guard guard(state_->mutex);
  if (const auto node = state_->find(parts_of(directory))) {
    if (node->is_directory) return {};
    return io_error(directory, "make the directory: a file of this name is there");
  }
  TREMULA_TRY_ASSIGN(const State::Place place, state_->place(directory));
  auto made = std::make_shared<Node>();
  made->is_directory = true;
  place.directory->change({.erased = {}, .set = place.name, .node = std::move(made)});
  return {};
}

Result<void> MemoryFileSystem::sync_directory(const std::string& directory) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY_ASSIGN(const std::shared_ptr<Node> node, state_->directory(directory));
  node->synced_names = node->names;
  node->changes.clear();
  return {};
}

Result<std::unique_ptr<base::FileLock>> MemoryFileSystem::lock(const std::string& path,
                                                               const std::string& note) {
  TREMULA_TRY_ASSIGN(const bool there, exists(path));
  const bool is_made = !there && !note.empty();
  TREMULA_TRY_ASSIGN(const std::unique_ptr<base::File> file,
                     open(path, is_made ? base::OpenMode::kCreate : base::OpenMode::kReadWrite));
  std::shared_ptr<Node> node;
  {
    const std::lock_guard guard(state_->mutex);
    node = state_->find(parts_of(path));
    if (!node) return io_error(path, "lock: it was removed");
    if (node->locked) return Error{ErrorCode::kLocked, path + ": locked by " + node->bytes};
    node->locked = true;
  }
  auto held = std::make_unique<State::HeldLock>(state_, std::move(node));
  if (note.empty()) return std::unique_ptr<base::FileLock>(std::move(held));
  TREMULA_TRY(file->resize(0));
  const auto noted = file->write(0, note);
  if (!noted.ok() && !base::is_disk_full(noted.error())) return noted.error();
  return std::unique_ptr<base::FileLock>(std::move(held));
}

Result<std::uint64_t> MemoryFileSystem::identity(const std::string& path) {
  const std::lock_guard guard(state_->mutex);
  const std::shared_ptr<Node> node = state_->find(parts_of(path));
  if (!node) return io_error(path, "look up: there is no such file");
  return node->identity;
}

Result<std::uint64_t> MemoryFileSystem::free_space(const std::string& directory) {
  const std::lock_guard guard(state_->mutex);
  TREMULA_TRY(state_->directory(directory));
  return state_->room();
}

std::int64_t MemoryFileSystem::now_ms() {
  const std::lock_guard guard(state_->mutex);
  if (state_->clock.has_value()) return state_->clock->first;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::int64_t MemoryFileSystem::ticks_ms() {
  const std::lock_guard guard(state_->mutex);
  if (state_->clock.has_value()) return state_->clock->second;
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

std::unique_ptr<MemoryFileSystem> MemoryFileSystem::after_power_cut(const PowerCut& cut) const {
  const std::lock_guard guard(state_->mutex);
  auto after = std::make_unique<MemoryFileSystem>();
  Dice dice(cut.seed);
  Copies copies;
  after->state_->root = node_after_cut(*state_->root, cut, dice, copies);
  after->state_->capacity = state_->capacity;
  after->state_->clock = state_->clock;
  return after;
}

void MemoryFileSystem::lose_unsynced(const std::string& path) {
  const std::lock_guard guard(state_->mutex);
  const std::shared_ptr<Node> node = state_->find(parts_of(path));
  TREMULA_ASSERT(node != nullptr);
  node->writes.clear();
}

void MemoryFileSystem::set_capacity(std::uint64_t bytes) {
  const std::lock_guard guard(state_->mutex);
  state_->capacity = bytes;
}

void MemoryFileSystem::set_clock(std::int64_t now_ms, std::int64_t ticks_ms) {
  const std::lock_guard guard(state_->mutex);
  state_->clock = {now_ms, ticks_ms};
}

}  // namespace tremula::persist
