// The C face: subscriptions and what they tell.
#include <algorithm>
#include <utility>

#include "db/c_face.h"

using namespace tremula;
using namespace tremula::c_face;

namespace {

// The caller's listener; `destroy` hears when nothing can call it any more.
struct Heard {
  Heard(tremula_listener function, void* with, void (*at_end)(void*))
      : listener(function), user(with), destroy(at_end) {}
  ~Heard() {
    if (destroy != nullptr) destroy(user);
  }
  Heard(const Heard&) = delete;
  Heard& operator=(const Heard&) = delete;

  tremula_listener listener;
  void* user;
  void (*destroy)(void*);
};

}  // namespace

struct tremula_subscription {
  std::shared_ptr<Shared> shared;
  Subscription subscription;
};

struct tremula_delta {
  const Delta& delta;
  mutable std::string patch;  // once it was asked for
};

namespace {

void call(const Heard& heard, Shared& shared, tremula_subscription* subscription,
          const Delta& delta) {
  const InCallback in_callback(shared);
  const tremula_delta lent{delta, {}};
  std::int32_t returned = 0;
  try {
    returned = heard.listener(heard.user, subscription, &lent);
  } catch (...) {
    rethrow_of_callback();
  }
  if (returned != 0) throw CallbackFailed(returned);
}

}  // namespace

namespace tremula::c_face {

void rethrow_of_callback() {
  try {
    throw;
  } catch (const std::exception& exception) {
    throw CallbackThrew(exception.what());
  } catch (...) {
    throw CallbackThrew("a callback threw what is no std::exception");
  }
}

}  // namespace tremula::c_face

tremula_status tremula_subscribe(tremula_db* db, const char* select,
                                 const tremula_named* parameters, size_t count,
                                 tremula_listener listener, void* user,
                                 const tremula_subscribe_options* options,
                                 tremula_subscription** subscription) {
  return guarded([&] {
    tremula_subscribe_options merged = {sizeof merged, 0, 0, nullptr};
    const bool all_known = options == nullptr || read_options(*options, merged);
    const auto heard = std::make_shared<Heard>(listener, user, merged.destroy);
    if (!all_known)
      return fail(TREMULA_UNSUPPORTED, "an option that this library doesn't know is set");
    if (db == nullptr || select == nullptr || listener == nullptr || subscription == nullptr)
      return misuse("tremula_subscribe() needs db, select, listener and subscription");
    // Held until the handle is whole: a commit of another thread may call the listener at once.
    const Lock lock(db->shared->engine().mutex);
    auto made = std::make_unique<tremula_subscription>();
    made->shared = db->shared;
    auto opened = db->shared->database->subscribe(
        select, named_of(parameters, count),
        [heard, shared = db->shared.get(), handle = made.get()](const Delta& delta) {
          call(*heard, *shared, handle, delta);
        },
        merged.old_values != 0 ? DeltaDetail::kOldValues : DeltaDetail::kPatch);
    if (!opened.ok()) return fail(opened.error());
    made->subscription = std::move(opened).value();
    *subscription = made.release();
    return succeed();
  });
}

tremula_status tremula_subscription_json(tremula_subscription* subscription, char** json) {
  return guarded([&] {
    if (subscription == nullptr || json == nullptr)
      return misuse("tremula_subscription_json() needs subscription and json");
    *json = copy_for(subscription->subscription.json());
    return succeed();
  });
}

void tremula_unsubscribe(tremula_subscription* subscription) { delete subscription; }

uint64_t tremula_delta_commit(const tremula_delta* delta) {
  return delta == nullptr ? 0 : delta->delta.version();
}

size_t tremula_delta_count(const tremula_delta* delta) {
  return delta == nullptr ? 0 : delta->delta.changes().size();
}

tremula_status tremula_delta_change(const tremula_delta* delta, size_t index,
                                    tremula_change* change) {
  return guarded([&] {
    if (delta == nullptr || change == nullptr)
      return misuse("tremula_delta_change() needs delta and change");
    if (index >= delta->delta.changes().size()) return misuse("a change past the last one");
    const std::size_t size = change->size;
    if (size < sizeof size) return misuse("a change whose member `size` is not set");
    const Change& from = delta->delta.changes()[index];
    const tremula_change filled = {.size = size,
                                   .kind = static_cast<std::int32_t>(from.kind),
                                   .reserved = 0,
                                   .index = from.index,
                                   .path = text_for(from.path),
                                   .from = text_for(from.from),
                                   .value = text_for(from.new_value),
                                   .old_value = text_for(from.old_value),
                                   .key = text_for(from.key)};
    auto* bytes = reinterpret_cast<unsigned char*>(change);
    std::memcpy(bytes, &filled, std::min(size, sizeof filled));
    if (size > sizeof filled) std::memset(bytes + sizeof filled, 0, size - sizeof filled);
    return succeed();
  });
}
static_assert(static_cast<int>(ChangeKind::kReplace) == TREMULA_CHANGE_REPLACE);
static_assert(static_cast<int>(ChangeKind::kMove) == TREMULA_CHANGE_MOVE);

tremula_text tremula_delta_patch(const tremula_delta* delta) {
  if (delta == nullptr) return {"", 0};
  if (delta->patch.empty()) delta->patch = delta->delta.patch();
  return text_for(delta->patch);
}
