// The laws of merging: any order, often, in parts, through relays: the same state, stamps too.
//
//   TREMULA_TEST_SCALE=10 crdt_test    ten times as many seeds
//   TREMULA_TEST_SEED=77 crdt_test     this seed alone, shrunk if it fails
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>
#include <string>
#include <vector>

#include "tests/crdt/oracle.h"
#include "tests/crdt/replica.h"
#include "tests/crdt/scenario.h"
#include "tests/property/rng.h"

namespace tremula::crdt {
namespace {

using property::Rng;

constexpr std::uint64_t kSeeds = 1500;

const char* setting(const char* name) {
  const char* text = std::getenv(name);
  return text != nullptr && *text != '\0' ? text : nullptr;
}

// Calls check(seed), which returns what is wrong or "".  Returns: how many seeds.
template <typename Check>
std::uint64_t for_each_seed(Check check) {
  std::uint64_t first = 1;
  const char* scale = setting("TREMULA_TEST_SCALE");
  const double factor = scale == nullptr ? 1 : std::strtod(scale, nullptr);
  auto last = static_cast<std::uint64_t>(static_cast<double>(kSeeds) * factor);
  if (const char* one = setting("TREMULA_TEST_SEED"); one != nullptr) {
    first = last = std::strtoull(one, nullptr, 10);
  }
  for (std::uint64_t seed = first; seed <= last; ++seed) {
    const std::string fault = check(seed);
    REQUIRE_MESSAGE(fault.empty(), "TREMULA_TEST_SEED=", seed, "\n", fault);
  }
  return last - first + 1;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
  return lines;
}

Replica bare(unsigned char site) { return Replica(site_of(site), {}); }

// Each line in a transaction of its own, or all in one.
std::string merged_dump(const std::vector<std::string>& lines, bool apart) {
  Replica replica = bare(200);
  std::string file;
  for (const std::string& line : lines) {
    if (apart) {
      replica.merge(line);
    } else {
      file += line;
    }
  }
  replica.merge(file);
  return replica.dump();
}

// All records that the commits of a scenario make, those that were overwritten too.
std::vector<std::string> records_of(std::uint64_t seed) {
  const Scenario scenario = make_scenario(seed);
  std::vector<Replica> replicas;
  for (int i = 0; i < scenario.replicas; ++i) {
    const std::vector<Column> columns = {
        {"Name", 2, triples::MergeRule::kLww},  {"Best", 3, triples::MergeRule::kMax},
        {"Least", 4, triples::MergeRule::kMin}, {"Plays", 5, triples::MergeRule::kCounter, {}},
        {"Tags", 6, triples::MergeRule::kSet},
    };
    replicas.emplace_back(site_of(static_cast<unsigned char>(i + 1)),
                          std::map<std::uint32_t, std::vector<Column>>{{1, columns}});
  }
  std::vector<std::string> records;
  for (const Step& step : scenario.steps) {
    Replica& replica = replicas[static_cast<std::size_t>(step.replica)];
    if (step.kind == Step::Kind::kCommit) {
      for (const std::string& line : lines_of(replica.commit(step.writes))) {
        records.push_back(line);
      }
    } else if (step.kind == Step::Kind::kPull) {
      replica.merge(replicas[static_cast<std::size_t>(step.other)].changes({}));
    }
  }
  return records;
}

}  // namespace

TEST_CASE("law: replicas that have exchanged everything hold the same records") {
  for_each_seed([](std::uint64_t seed) {
    const Scenario scenario = make_scenario(seed);
    return run_scenario(scenario).empty() ? "" : shrink_and_describe(scenario);
  });
}

TEST_CASE("law: merging is commutative, associative and idempotent") {
  std::size_t records_seen = 0;
  const std::uint64_t seeds = for_each_seed([&](std::uint64_t seed) -> std::string {
    std::vector<std::string> records = records_of(seed);
    records_seen += records.size();
    const std::string once = merged_dump(records, true);
    // Undeclared, as everything is to a bare replica: `mood` stays a name.
    Rng rng(seed);
    for (int round = 0; round < 3; ++round) {
      std::vector<std::string> others = records;
      for (std::size_t i = others.size(); i > 1; --i) {
        std::swap(others[i - 1], others[rng.next() % i]);
      }
      const std::size_t cut = others.empty() ? 0 : rng.next() % others.size();
      others.insert(others.end(), records.begin(),
                    records.begin() + static_cast<std::ptrdiff_t>(cut));
      const std::string dump = merged_dump(others, round == 1);
      if (dump != once) return "another order gives\n" + dump + "not\n" + once;
    }
    // (a + b) + c = a + (b + c), each of them a state of its own.
    std::vector<Replica> parts;
    for (unsigned char i = 0; i < 3; ++i) parts.push_back(bare(static_cast<unsigned char>(10 + i)));
    for (const std::string& record : records) parts[rng.next() % 3].merge(record);
    Replica left = parts[0];
    left.merge(parts[1].changes({}));
    left.merge(parts[2].changes({}));
    Replica right = parts[1];
    right.merge(parts[2].changes({}));
    Replica whole = parts[0];
    whole.merge(right.changes({}));
    if (left.dump() != whole.dump()) return "not associative:\n" + left.dump() + whole.dump();
    if (whole.dump() != once) return "parts give\n" + whole.dump() + "not\n" + once;
    const DbVersion before = whole.db_version();
    if (whole.merge(left.changes({})) != 0 || whole.db_version() != before) {
      return "merging what is known changes something";
    }
    return "";
  });
  CHECK((seeds == 1 || records_seen > 10 * seeds));
}

}  // namespace tremula::crdt
