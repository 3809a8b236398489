// LiveChecks: live queries of one database, of which patches, views and fresh selects must agree.
//
// Thread: one at a time.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/property/json_document.h"
#include "tremula/tremula.h"

namespace tremula::test {

class LiveChecks {
 public:
  // A live query whose patches are applied.
  void watch(Database& db, const std::string& select) {
    Live& live = *lives_.emplace_back(std::make_unique<Live>());
    live.select = select;
    live.subscription =
        std::make_unique<Subscription>(db.subscribe(select, {}, [&live](const Delta& delta) {
                                           CHECK(delta.version() > live.last_commit);
                                           live.last_commit = delta.version();
                                           ++live.patches;
                                           property::Document patch;
                                           REQUIRE(property::parse_document(delta.patch(), patch));
                                           CHECK(property::apply_patch(live.document, patch) == "");
                                         }).value());
    REQUIRE(property::parse_document(live.subscription->json(), live.document));
  }
  void check(Database& db) const {
    for (const auto& live : lives_) {
      const std::string fresh = db.query(live->select).value().json();
      CHECK(live->subscription->json() == fresh);
      CHECK(live->document.print() == fresh);
    }
  }
  std::size_t patches(std::size_t live) const { return lives_[live]->patches; }
  std::string json(std::size_t live) const { return lives_[live]->subscription->json(); }

 private:
  struct Live {
    std::string select;
    property::Document document;
    std::uint64_t last_commit = 0;
    std::size_t patches = 0;
    std::unique_ptr<Subscription> subscription;
  };
  std::vector<std::unique_ptr<Live>> lives_;
};

}  // namespace tremula::test
