// The floor as one of the engines.
#include "bench/floor/tracker_floor.h"
#include "bench/support/engine.h"

namespace tremula::bench {
namespace {

class FloorEngine : public Engine {
 public:
  FloorEngine() : tracker_([this](const FloorDelta& delta) { hear(delta); }) {}

  RowSink sink() override { return tracker_.sink(); }
  void loaded() override {}

  void watch(std::string_view name) override {
    heard_in_.assign(subscriptions_of(name), 0);
    if (name == "q1") tracker_.watch_open_urgent();
    if (name == "q3") tracker_.watch_open_count();
    if (name == "q4") tracker_.watch_commented_by(kUser);
    if (name == "q2") tracker_.watch_latest(0, {kProject, kLimit}, false);
    if (name == "q5") tracker_.watch_latest(0, {kProject, kLimit}, true);
    if (!name.starts_with("subs")) return;
    for (std::size_t i = 0; i < subscriptions_of(name); i++) {
      tracker_.watch_latest(i, sub_parameters(i), false);
    }
  }

  void watch_another(std::string_view) override {}

  std::size_t apply(const Transaction& tx) override {
    heard_ = 0;
    step_++;
    tracker_.apply(tx);
    return heard_;
  }

  std::string checksum(std::string_view query) override { return tracker_.checksum(query); }

 private:
  void hear(const FloorDelta& delta) {
    if (heard_in_[delta.subscription] == step_) return;
    heard_in_[delta.subscription] = step_;
    heard_++;
  }

  std::size_t heard_ = 0;
  std::size_t step_ = 0;
  std::vector<std::size_t> heard_in_;  // by subscription: the last step that it heard of
  TrackerFloor tracker_;
};

}  // namespace

std::unique_ptr<Engine> make_floor_engine() { return std::make_unique<FloorEngine>(); }

}  // namespace tremula::bench
