#include "cli/demo_stream.h"

#include <cmath>

namespace tremula::cli {
namespace {

constexpr std::size_t kCustomers = 59;
constexpr std::size_t kTracks = 3503;
constexpr std::size_t kLinesMax = 4;

double euros(std::int64_t cents) { return static_cast<double>(cents) / 100; }

}  // namespace

std::size_t DemoStream::pick(std::size_t count) { return random_() % count; }

Result<Ticket> DemoStream::next() {
  return database_.transact([this](Transaction& tx) {
    const std::size_t dice = pick(10);
    if (sales_.empty() || dice < 6) return sell(tx);
    if (dice < 8) return take_back_a_line(tx);
    correct_a_quantity(tx);
  });
}

void DemoStream::sell(Transaction& tx) {
  Sale sale{next_invoice_++, {}};
  const auto customer = static_cast<std::int64_t>(1 + pick(kCustomers));
  tx.insert("Invoice", {{"InvoiceId", sale.invoice},
                        {"CustomerId", customer},
                        {"InvoiceDate", "2026-02-01 00:00:00"},
                        {"Total", 0.0}});
  for (std::size_t left = 1 + pick(kLinesMax); left > 0; --left) {
    const auto track = static_cast<std::int64_t>(1 + pick(kTracks));
    const double price = tx.get("Track", track, "UnitPrice").as_real();
    const Line line{next_line_++, std::llround(price * 100), 1};
    tx.insert("InvoiceLine", {{"InvoiceLineId", line.id},
                              {"InvoiceId", sale.invoice},
                              {"TrackId", track},
                              {"UnitPrice", euros(line.cents)},
                              {"Quantity", line.quantity}});
    sale.lines.push_back(line);
  }
  write_total(tx, sale);
  sales_.push_back(std::move(sale));
}

void DemoStream::take_back_a_line(Transaction& tx) {
  const std::size_t at = pick(sales_.size());
  Sale& sale = sales_[at];
  tx.erase("InvoiceLine", sale.lines.back().id);
  sale.lines.pop_back();
  if (!sale.lines.empty()) return write_total(tx, sale);
  tx.erase("Invoice", sale.invoice);
  sales_.erase(sales_.begin() + static_cast<std::ptrdiff_t>(at));
}

void DemoStream::correct_a_quantity(Transaction& tx) {
  Sale& sale = sales_[pick(sales_.size())];
  Line& line = sale.lines[pick(sale.lines.size())];
  line.quantity = static_cast<std::int64_t>(1 + pick(3));
  tx.update("InvoiceLine", line.id, {{"Quantity", line.quantity}});
  write_total(tx, sale);
}

void DemoStream::write_total(Transaction& tx, const Sale& sale) {
  std::int64_t cents = 0;
  for (const Line& line : sale.lines) cents += line.cents * line.quantity;
  tx.update("Invoice", sale.invoice, {{"Total", euros(cents)}});
}

}  // namespace tremula::cli
