// DemoStream: sales, returns and corrections at random, the same ones in every run.
//
// Invariant: an invoice's Total is the sum of its lines' UnitPrice * Quantity, to the hundredth.
// Thread: the main thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "tremula/tremula.h"

namespace tremula::cli {

class DemoStream {
 public:
  // `database` holds the music shop and outlives the object.
  explicit DemoStream(Database& database) : database_(database) {}

  // One transaction.
  Result<Ticket> next();

 private:
  struct Line {
    std::int64_t id;
    std::int64_t cents;
    std::int64_t quantity;
  };
  struct Sale {
    std::int64_t invoice;
    std::vector<Line> lines;
  };
  std::size_t pick(std::size_t count);  // 0 to count - 1
  void sell(Transaction& tx);
  void take_back_a_line(Transaction& tx);
  void correct_a_quantity(Transaction& tx);
  void write_total(Transaction& tx, const Sale& sale);

  Database& database_;
  std::mt19937 random_{42};  // the seed makes the demo tell the same story each time
  std::vector<Sale> sales_;  // those of this stream that stand
  std::int64_t next_invoice_ = 1'000;
  std::int64_t next_line_ = 10'000;
};

}  // namespace tremula::cli
