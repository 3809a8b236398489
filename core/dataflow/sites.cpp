#include <utility>

#include "core/dataflow/instance.h"
#include "core/triples/key_encoding.h"

namespace tremula::dataflow {

using triples::Side;
using triples::Value;

namespace {

// The parameters of a site for a row, mostly without memory of their own.
class SiteVector {
 public:
  SiteVector() = default;
  SiteVector(const Site& site, const RowContext& row) { read(site, row); }

  void read(const Site& site, const RowContext& row) {
    const std::size_t count = site.parameters.size();
    Value* to = few_;
    if (count > kFewMax) {
      many_.resize(count);
      to = many_.data();
    }
    for (std::size_t i = 0; i < count; ++i) to[i] = evaluate(site.parameters[i], row);
    values_ = {to, count};
  }
  std::span<const Value> values() const { return values_; }

 private:
  static constexpr std::size_t kFewMax = 6;
  Value few_[kFewMax];
  std::vector<Value> many_;
  std::span<const Value> values_;
};

}  // namespace

bool SiteHolder::listed_under(const Site& site, const RowContext& row, std::string& out) const {
  out.clear();
  if (site.reverse_source >= 0) return false;
  for (const Node& node : site.probe) {
    const Value value = evaluate(node, row);
    if (value.is_null() && site.kind == SiteKind::kExists) return false;
    triples::encode_ordered(value, out);
  }
  return true;
}

SiteHolder::~SiteHolder() {
  if (sites_.size() > 1) delete[] several_;
}

void SiteHolder::open(const RowContext& row) {
  for (std::uint32_t i = 0; i < sites_.size(); ++i) {
    const Site& site = sites_[i];
    if (!site.whole) continue;
    if (sites_.size() > 1 && several_ == nullptr) several_ = new BlockInstance* [sites_.size()] {};
    const SiteVector vector(site, row);
    BlockInstance& child =
        site.child->directory->acquire(owner().engine(), *site.child, vector.values());
    child.add_parent({}, {&owner(), kAllRows, static_cast<std::uint16_t>(i), scope()});
    whole()[i] = &child;
  }
}

void SiteHolder::close() {
  if (sites_.size() > 1 && several_ == nullptr) return;
  for (std::uint32_t i = 0; i < sites_.size(); ++i) {
    BlockInstance* child = std::exchange(whole()[i], nullptr);
    if (child != nullptr)
      owner().engine().release_later(*child, {},
                                     {&owner(), kAllRows, static_cast<std::uint16_t>(i), scope()});
  }
}

std::size_t SiteHolder::memory_bytes() const {
  const bool several = sites_.size() > 1 && several_ != nullptr;
  return sizeof(*this) + (several ? sites_.size() * sizeof(BlockInstance*) : 0);
}

BlockInstance* SiteHolder::child(std::uint32_t index, const RowContext& row) const {
  const Site& site = sites_[index];
  if (site.whole) return whole()[index];
  return site.child->directory->find(SiteVector(site, row).values());
}

void SiteHolder::update(std::uint32_t index, RowId row, const RowContext& context, bool in_old,
                        bool in_new) {
  const Site& site = sites_[index];
  if (!owner().engine().live && site.whole) return;
  if (!site.lists_rows()) return;
  const ParentRef parent{&owner(), row, static_cast<std::uint16_t>(index), scope()};
  RowContext on_side = context;
  SiteVector before, after;
  std::string old_key, new_key;
  bool listed_old = false, listed_new = false;
  if (in_old) {
    on_side.side = Side::kOld;
    before.read(site, on_side);
    listed_old = listed_under(site, on_side, old_key);
  }
  if (in_new) {
    on_side.side = Side::kNew;
    after.read(site, on_side);
    listed_new = listed_under(site, on_side, new_key);
  }
  // A semi-join's NULL probe is not listed, but its instance must still be there to be asked.
  if (in_old && in_new && same_vector(before.values(), after.values()) &&
      listed_old == listed_new && old_key == new_key)
    return;
  BlockDirectory& directory = *site.child->directory;
  if (in_new) {
    BlockInstance& child = directory.acquire(owner().engine(), *site.child, after.values());
    child.add_parent(listed_new ? std::string_view(new_key) : std::string_view(), parent);
  }
  if (in_old) {
    BlockInstance* child = directory.find(before.values());
    TREMULA_ASSERT(child != nullptr);
    owner().engine().release_later(
        *child, listed_old ? std::string_view(old_key) : std::string_view(), parent);
  }
}

void SiteHolder::release(std::uint32_t index, RowId row, const RowContext& context) {
  const Site& site = sites_[index];
  if (!site.lists_rows()) return;
  BlockInstance* held = child(index, context);
  TREMULA_ASSERT(held != nullptr);
  std::string key;
  const bool listed = listed_under(site, context, key);
  owner().engine().release_later(*held, listed ? std::string_view(key) : std::string_view(),
                                 {&owner(), row, static_cast<std::uint16_t>(index), scope()});
}

Value SiteHolder::read_site(std::uint32_t index, ExprOp op, Value argument,
                            const RowContext& row) const {
  const Site& site = sites_[index];
  BlockInstance* instance = child(index, row);
  TREMULA_ASSERT(instance != nullptr);
  switch (site.kind) {
    case SiteKind::kArray:
    case SiteKind::kSingle: return render_value(*instance, site.kind, row.side, *row.arena);
    case SiteKind::kScalar: return instance->scalar(row.side);
    default: break;
  }
  if (op == ExprOp::kExists && site.probe.empty())
    return Value::boolean_of(instance->exists(row.side));
  std::string key;
  if (op == ExprOp::kIn) {
    triples::encode_ordered(argument, key);
    return instance->contains(key, argument.is_null(), row.side);
  }
  for (const Node& node : site.probe) {
    const Value value = evaluate(node, row);
    if (value.is_null()) return Value::boolean_of(false);
    triples::encode_ordered(value, key);
  }
  return instance->contains(key, false, row.side);
}

}  // namespace tremula::dataflow
