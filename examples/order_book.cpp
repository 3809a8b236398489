// An order book: orders come, are changed and filled; each symbol's best prices stay live.
//
//   order -> level (orders of one price together) -> the best three of each side, per symbol
//
// A level is a group, the best three are a window of each symbol: a change far from the best prices
// is not heard of. At the end the live book is held against a fresh select.
#include <tremula/tremula.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr int kEvents = 20'000;
constexpr std::int64_t kMiddle = 10'000;  // cents

constexpr const char* kSchema = R"(
  TABLE Symbol = 1 (Name TEXT = 1 KEY);
  TABLE Orders = 2 (
    Id INT = 1 KEY, Symbol TEXT = 2 INDEX REF Symbol, Buy BOOL = 3, Cents INT = 4, Amount INT = 5
  );
  INSERT INTO Symbol {Name: 'ASPN'}, {Name: 'BRCH'}, {Name: 'CEDR'};
)";

constexpr const char* kBook = R"(
  SELECT {
    s.Name,
    bids: [SELECT { o.Cents, amount: sum(o.Amount) } FROM Orders AS o
           WHERE o.Symbol = s.Name AND o.Buy
           GROUP BY o.Cents ORDER BY o.Cents DESC LIMIT 3],
    asks: [SELECT { o.Cents, amount: sum(o.Amount) } FROM Orders AS o
           WHERE o.Symbol = s.Name AND NOT o.Buy
           GROUP BY o.Cents ORDER BY o.Cents LIMIT 3]
  } FROM Symbol AS s ORDER BY s.Name)";

// Orders at random, the same ones in every run.
class Market {
 public:
  explicit Market(tremula::Database& db) : db_(db) {}

  void step() {
    db_.transact([this](tremula::Transaction& tx) {
         const std::size_t dice = pick(10);
         if (open_.empty() || dice < 5) return place(tx);
         const std::size_t at = pick(open_.size());
         if (dice < 8) return fill(tx, at);
         tx.erase("Orders", open_[at]);  // cancelled
         forget(at);
       })
        .value();
  }

 private:
  std::size_t pick(std::size_t count) { return random_() % count; }

  void place(tremula::Transaction& tx) {
    static const char* const kNames[] = {"ASPN", "BRCH", "CEDR"};
    const bool buy = pick(2) == 0;
    const auto distance = static_cast<std::int64_t>(1 + pick(50));
    const std::int64_t id = ++last_;
    tx.insert("Orders", {{"Id", id},
                         {"Symbol", kNames[pick(3)]},
                         {"Buy", buy},
                         {"Cents", buy ? kMiddle - distance : kMiddle + distance},
                         {"Amount", 1 + pick(100)}});
    open_.push_back(id);
  }
  void fill(tremula::Transaction& tx, std::size_t at) {
    const std::int64_t left = tx.get("Orders", open_[at], "Amount").as_int() / 2;
    if (left > 0) {
      tx.update("Orders", open_[at], {{"Amount", left}});
      return;
    }
    tx.erase("Orders", open_[at]);
    forget(at);
  }
  void forget(std::size_t at) {
    open_[at] = open_.back();
    open_.pop_back();
  }

  tremula::Database& db_;
  std::mt19937 random_{7};
  std::vector<std::int64_t> open_;
  std::int64_t last_ = 0;
};

}  // namespace

int main() {
  auto db = tremula::Database::in_memory();
  db.run(kSchema).value();
  std::map<std::string, std::size_t> heard;  // patches by the side that they change
  auto book = db.subscribe(kBook, {}, [&heard](const tremula::Delta& delta) {
                  const std::string& path = delta.changes().front().path;  // /SYMBOL/SIDE/...
                  ++heard[path.substr(path.find('/', 1) + 1, 4)];
                }).value();
  Market market(db);
  for (int i = 0; i < kEvents; ++i) market.step();

  const auto fresh = db.query(kBook).value();
  for (std::size_t i = 0; i < fresh.size(); ++i)
    std::printf("%s\n", std::string(fresh.json(i)).c_str());
  std::printf("%d events; patches of bids: %zu, of asks: %zu\n", kEvents, heard["bids"],
              heard["asks"]);
  const bool equal = fresh.json() == book.json();
  std::puts(equal ? "the live book is what a fresh select gives" : "THE LIVE BOOK DIFFERS");
  return equal && heard["bids"] > 0 && heard["asks"] > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
