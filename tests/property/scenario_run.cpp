// Runs a scenario: the engine by its face, SQLite beside it, and a copy of each live result kept
// by its patches.
#include <map>
#include <optional>

#include "tests/property/generator.h"
#include "tests/property/json_document.h"
#include "tests/property/oracle.h"
#include "tests/property/printer.h"
#include "tests/property/scenario.h"
#include "tremula/tremula.h"

namespace tremula::property {
namespace {

struct Live {
  Select select;
  Document state;
  std::string text;  // of the state
  Statement fresh;
  int made = 0;  // its place among all subscriptions
};

struct Printed {
  OutputKind kind;
  std::string text;
  std::string subscription;
};

class Runner {
 public:
  Runner(const Scenario& scenario, Tally& tally)
      : scenario_(scenario),
        tally_(tally),
        db_(Database::in_memory()),
        session_(db_, [this](const Output& output) { take(output); }) {}
  Failure run();

 private:
  void take(const Output& output) {
    if (output.text.empty()) return;
    printed_.push_back({output.kind, std::string(output.text), std::string(output.subscription)});
  }
  bool fail(const std::string& kind, const std::string& detail) {
    if (!failure_) failure_ = {kind, detail};
    return false;
  }
  void weak(Failure failure) {
    if (!weak_) weak_ = std::move(failure);
  }
  bool declare();
  bool step(const Step& step);
  bool write(const Write& write, bool inside);
  bool transaction(const Step& step);
  bool subscribe(const Step& step);
  bool unsubscribe(const Step& step);
  bool redeclare(const Step& step);
  bool compare_select(const Select& select, const std::string& got);
  bool plain_select(const Select& select);
  bool control(const std::string& text);
  bool take_patches(std::size_t first_patch);
  bool after_commit(std::size_t first_patch);
  bool take_patch(const Printed& printed, std::map<std::string, bool>& patched, int& last_made);
  bool check_live(const std::string& name, Live& live, bool patched);
  std::string select_now(const std::string& text);

  const Scenario& scenario_;
  Tally& tally_;
  Failure failure_;
  Failure weak_;  // wasteful but not wrong: told if nothing is wrong
  std::vector<Printed> printed_;
  Database db_;
  Session session_;
  Oracle oracle_;
  std::map<std::string, Live> live_;
  std::map<std::string, bool> patched_;  // by the commit looked at
  int made_ = 0;
  unsigned turn_ = 0;
  unsigned long commit_ = 0;
};

bool Runner::declare() {
  for (std::size_t i = 0; i < scenario_.schema.tables.size(); ++i) {
    const std::string tql = tql_declaration(scenario_.schema, static_cast<int>(i));
    if (auto result = session_.run(tql); !result.ok()) {
      return fail("declaration " + std::string(error_code_name(result.error().code)),
                  result.error().text);
    }
    oracle_.run({sql_declaration(scenario_.schema, static_cast<int>(i))});
  }
  return true;
}

bool Runner::write(const Write& write, bool inside) {
  printed_.clear();
  const bool accepted = oracle_.run(write.sql);
  const auto result = session_.run(write.tql);
  const Error* error = nullptr;
  if (!result.ok())
    error = &result.error();
  else if (!result.value().errors.empty())
    error = &result.value().errors[0];
  if (error != nullptr) {
    const ErrorCode code = error->code;
    if (accepted || (code != ErrorCode::kDuplicateKey && code != ErrorCode::kNotNull)) {
      return fail("write error " + std::string(error_code_name(code)),
                  write.tql + "\n" + error->text);
    }
    return !inside || result.ok() || fail("transaction ended", write.tql);
  }
  if (!accepted) return fail("write accepted", write.tql + "\nSQLite refuses it");
  const int rows = write.rows >= 0 ? write.rows : oracle_.changes();
  const std::string line = "{\"" + write.verb + "\":" + std::to_string(rows) + "}";
  if (printed_.empty() || printed_[0].kind != OutputKind::kWrite || printed_[0].text != line) {
    return fail("write line", write.tql + "\nprinted " +
                                  (printed_.empty() ? "nothing" : printed_[0].text) +
                                  "\ninstead of " + line);
  }
  if (!inside) return after_commit(1);
  return printed_.size() == 1 || fail("output inside BEGIN", printed_[1].text);
}

bool Runner::control(const std::string& text) {
  printed_.clear();
  const auto result = session_.run(text);
  if (!result.ok()) return fail(text, result.error().text);
  return true;
}

bool Runner::transaction(const Step& step) {
  if (!control("BEGIN")) return false;
  oracle_.run({"BEGIN"});
  for (const Write& one : step.writes) {
    if (!write(one, true)) return false;
  }
  if (!step.select.empty() && !plain_select(step.select[0])) return false;
  oracle_.run({step.commits ? "COMMIT" : "ROLLBACK"});
  if (!control(step.commits ? "COMMIT" : "ROLLBACK")) return false;
  if (!step.commits && !printed_.empty()) return fail("output of ROLLBACK", printed_[0].text);
  return after_commit(0);
}

// "1e-07" and "1e-7" are both numbers with the fewest digits.
std::string normal(std::string text) {
  for (std::size_t at = 0; (at = text.find("e-0", at)) != std::string::npos; ++at) {
    text.erase(at + 2, 1);
  }
  return text;
}

bool Runner::compare_select(const Select& select, const std::string& got) {
  std::string expected;
  if (!sqlite_knows(select)) return true;
  if (!oracle_.rows(sql_select(scenario_.schema, select), expected)) return true;
  ++tally_.selects;
  if (normal(expected) == normal(got)) return true;
  return fail("select", tql_select(select) + "\ngot      " + got + "\nexpected " + expected +
                            "\nSQLite: " + sql_select(scenario_.schema, select));
}

bool Runner::plain_select(const Select& select) {
  const std::string text = tql_select(select);
  printed_.clear();
  const auto result = session_.run(text);
  if (!result.ok() || !result.value().errors.empty()) {
    const Error& error = result.ok() ? result.value().errors[0] : result.error();
    return fail("select error " + std::string(error_code_name(error.code)), error.text);
  }
  std::string got = "[";
  for (const Printed& one : printed_) got += (got.size() > 1 ? "," : "") + one.text;
  return compare_select(select, got + "]");
}

bool Runner::subscribe(const Step& step) {
  const Select& select = step.select[0];
  const std::string text = tql_select(select);
  printed_.clear();
  const auto result = session_.run("SUBSCRIBE " + step.subscription + " AS " + text);
  if (!result.ok()) {
    return fail("subscribe error " + std::string(error_code_name(result.error().code)),
                result.error().text);
  }
  Document line;
  if (printed_.size() != 1 || printed_[0].kind != OutputKind::kSnapshot ||
      !parse_document(printed_[0].text, line) || member(line, "snapshot") == nullptr ||
      line.items[0].text != '"' + step.subscription + '"') {
    return fail("snapshot line", text);
  }
  Document state = *member(line, "snapshot");
  std::string state_text = state.print();
  if (!compare_select(select, state_text)) return false;
  auto fresh = db_.prepare(text);
  if (!fresh.ok()) return fail("prepare", text + "\n" + fresh.error().text);
  live_.emplace(step.subscription, Live{select, std::move(state), std::move(state_text),
                                        std::move(fresh.value()), made_++});
  return true;
}

bool Runner::unsubscribe(const Step& step) {
  if (live_.erase(step.subscription) == 0) return true;  // the shrinker took its SUBSCRIBE away
  return control("UNSUBSCRIBE " + step.subscription);
}

bool Runner::redeclare(const Step& step) {
  for (const Write& write : step.writes) {
    printed_.clear();
    const auto result = session_.run(write.tql);
    if (!result.ok()) return fail("declaration", result.error().text);
    if (printed_.empty()) return fail("output of a declaration", write.tql);
    if (&write != &step.writes.back() && !take_patches(1)) return false;
  }
  return after_commit(1);
}

bool Runner::take_patch(const Printed& printed, std::map<std::string, bool>& patched,
                        int& last_made) {
  Document line;
  const auto live = live_.find(printed.subscription);
  if (printed.kind != OutputKind::kPatch || live == live_.end() ||
      !parse_document(printed.text, line)) {
    return fail("patch line", printed.text);
  }
  const Document* commit = member(line, "commit");
  const Document* patch = member(line, "patch");
  if (commit == nullptr || patch == nullptr || line.items.size() != 3 ||
      string_of(line.items[0]) != printed.subscription) {
    return fail("patch line", printed.text);
  }
  if (live->second.made <= last_made) return fail("order of patches", printed.text);
  last_made = live->second.made;
  const unsigned long number = std::stoul(commit->text);
  if (patched.empty() ? number <= commit_ : number != commit_) {
    return fail("commit number", printed.text);
  }
  commit_ = number;
  const std::string before = live->second.text;
  const std::string wrong = apply_patch(live->second.state, *patch);
  if (!wrong.empty()) {
    return fail("patch", tql_select(live->second.select) + "\n" + wrong + "\n" + printed.text +
                             "\non " + before);
  }
  live->second.text = live->second.state.print();
  if (live->second.text == before) {
    // The run goes on, to find what is worse.
    weak({"patch of nothing",
          tql_select(live->second.select) + "\n" + printed.text + "\non " + before});
  }
  patched[printed.subscription] = true;
  ++tally_.patches;
  return true;
}

bool Runner::check_live(const std::string& name, Live& live, bool patched) {
  ++tally_.live;
  auto rows = live.fresh.query();
  if (!rows.ok()) return fail("fresh select", rows.error().text);
  const std::string fresh = rows.value().json();
  if (fresh != live.text) {
    std::string expected;
    if (!oracle_.rows(sql_select(scenario_.schema, live.select), expected)) expected = "?";
    return fail(patched ? "live" : "live, no patch", name + ": " + tql_select(live.select) +
                                                         "\nkept   " + live.text + "\nfresh  " +
                                                         fresh + "\nSQLite " + expected);
  }
  if (++turn_ % 8 == 0) {
    const auto held = session_.result_of(name);
    if (!held.ok() || held.value() != fresh) {
      return fail("result_of", tql_select(live.select) + "\nfresh " + fresh + "\nheld  " +
                                   (held.ok() ? held.value() : held.error().text));
    }
  }
  return turn_ % 6 != 0 || compare_select(live.select, fresh);
}

bool Runner::take_patches(std::size_t first_patch) {
  patched_.clear();
  int last_made = -1;
  for (std::size_t i = first_patch; i < printed_.size(); ++i) {
    if (!take_patch(printed_[i], patched_, last_made)) return false;
  }
  return true;
}

bool Runner::after_commit(std::size_t first_patch) {
  ++tally_.commits;
  if (!take_patches(first_patch)) return false;
  for (auto& [name, live] : live_) {
    if (!check_live(name, live, patched_.count(name) > 0)) return false;
  }
  return true;
}

bool Runner::step(const Step& step) {
  switch (step.kind) {
    case StepKind::kWrite: return write(step.writes[0], false);
    case StepKind::kTransaction: return transaction(step);
    case StepKind::kSubscribe: return subscribe(step);
    case StepKind::kUnsubscribe: return unsubscribe(step);
    case StepKind::kSelect: return plain_select(step.select[0]);
    case StepKind::kDeclare: return redeclare(step);
  }
  return true;
}

Failure Runner::run() {
  if (!declare()) return failure_;
  for (const Step& one : scenario_.steps) {
    if (!step(one)) break;
  }
  return failure_ ? failure_ : weak_;
}

}  // namespace

Failure run_scenario(const Scenario& scenario, Tally& tally) {
  return Runner(scenario, tally).run();
}

}  // namespace tremula::property
