// OrderSimulation: processes, the host among them, messages and deaths, step by step from a seed.
//
//   processes --submissions, in order, late--> host: Orderer + LsmTree -> the order
//   processes <--"ordered up to", late--
//
// Anything may happen at any step: a commit, a delivery, a connection that ends with messages under
// way, a process that dies, the host too, another that takes over on the files and the log that
// are there, a process that comes newly.
// After each step is checked:
//   1  what a process wrote it sees, whole and at once; values that it alone writes never go back
//   2  its commit number never goes back, its base grows by one transaction at a time
//   3  the acknowledgement of its own transaction changes nothing that it sees
//   4  the order has the effects that doing the submissions one after the other has: each once,
//      each process's in their order, none left out
//   5  who changes the catalog has seen it as it is
// and when all is quiet: everybody sees the same, and the tree holds it.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "core/lsm/lsm_tree.h"
#include "persist/memory_file_system.h"
#include "persist/orderer.h"
#include "tests/persist/order_model.h"

namespace tremula::persist_test {

struct OrderSimulationStats {
  std::uint64_t commits = 0;
  std::uint64_t ordered = 0;
  std::uint64_t known = 0;    // that came again
  std::uint64_t refused = 0;  // changes of the catalog
  std::uint64_t takeovers = 0;
  std::uint64_t flushes = 0;
  std::uint64_t without_effect = 0;
};

class OrderSimulation {
 public:
  explicit OrderSimulation(std::uint64_t seed);
  void run(int steps);
  // Lets everything arrive, and checks the end.
  void finish();
  const OrderSimulationStats& stats() const { return stats_; }

 private:
  struct Message {
    std::uint64_t number = 0;
    std::string submission;
  };
  struct Process {
    ProcessModel model;
    bool is_connected = false;
    std::uint64_t sent = 0;       // the last number that was sent to this host
    std::deque<Message> to_host;  // under way
    std::uint64_t told = 0;       // ordered up to: what it has heard
    std::int64_t own_value = 0;   // of the rows that it alone writes
    Rows own_rows;                // what it must see of them
    bool waits = false;           // for a change of the catalog
    bool is_refused = false;      // it was; the answer is under way
  };

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
  bool one_in(std::size_t times) { return below(times) == 0; }

  void step();
  // --- A process's ---
  void commit(Process& process);
  void write_shared(Process& process, Rows& seen, crdt::IntentWriter& intents);
  void write_own(Process& process, Rows& seen, crdt::IntentWriter& intents);
  void replace(Process& process, const RowName& name, Rows& seen, crdt::IntentWriter& intents);
  // What an UPDATE or DELETE in the transaction in hand stands on.
  std::uint64_t own_insert_of(const Process& process, const RowName& name) const;
  void change_catalog(Process& process);
  void send(Process& process);
  void catch_up(Process& process, std::uint64_t most);
  void check_own(const Process& process, const Rows& visible);
  // --- The host's ---
  void take_over(std::size_t index);
  void open_tree();
  void deliver(Process& process);
  void order(Process& process, const Message& message);
  void check_effect(const Process& process, const Message& message, std::string_view effect);
  void work();
  void disconnect_all();
  static void disconnect(Process& process);
  // --- Deaths ---
  void replace_process(std::size_t index);
  void check_tree();

  std::mt19937_64 random_;
  persist::MemoryFileSystem files_;
  lsm::LsmOptions options_;
  std::unique_ptr<lsm::LsmTree> tree_;
  std::unique_ptr<persist::Orderer> orderer_;
  bool may_freeze_ = false;

  std::vector<std::string> order_;  // [version - 1]
  Rows effects_;                    // all of it, as its effects say
  Rows oracle_;                     // all of it, as the submissions say
  std::map<std::uint64_t, OrderedAs> ordered_as_;
  std::int64_t catalog_changes_ = 0;

  std::set<RowName> put_now_;  // by the transaction in hand
  std::vector<Process> processes_;
  std::size_t host_ = kNone;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::uint64_t next_id_ = 1;
  OrderSimulationStats stats_;
};

}  // namespace tremula::persist_test
