// The harness: options, clock, samples, and one JSON line per figure.
//
//   {"bench":"live_queries","case":"q2","kind":"untouched","engine":"tremula","n":100000,
//    "metric":"p50","value":2.1,"unit":"us"}
//
// Thread: any one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/support/tracker.h"

namespace tremula::bench {

struct Options {
  bool full = true;    // else smoke: the size that the test suite runs
  Size size;           // of the tracker
  std::string only;    // the one case to run; "": all
  std::string engine;  // the one engine to run; "": all

  bool wants(std::string_view name) const { return only.empty() || only == name; }
  bool wants_engine(std::string_view name) const { return engine.empty() || engine == name; }
};

// Reads `--smoke`, `--size smoke|full` (full unless told), `--n 10k|100k|1m`, `--only CASE` and
// `--engine NAME`; prints the usage and exits with 2 if it is none of these.
Options read_options(int argc, char** argv);

using Clock = std::chrono::steady_clock;

inline std::int64_t ns_since(Clock::time_point begin) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
}

// Durations of one kind of event.
class Samples {
 public:
  void add(std::int64_t ns) { ns_.push_back(ns); }
  std::size_t size() const { return ns_.size(); }
  // Returns: 0 without samples.
  double percentile_us(double percent) const;

 private:
  std::vector<std::int64_t> ns_;
};

// What a figure is about.
struct Figure {
  std::string bench;
  std::string name;    // the case
  std::string kind;    // untouched touched first next load memory
  std::string engine;  // tremula floor sqlite3
  std::int64_t n = 0;
};

void report(const Figure& figure, std::string_view metric, double value, std::string_view unit);
// p50, p99 and the number of samples; nothing for none.
void report(const Figure& figure, const Samples& samples);

// Memory of this process, in bytes.
std::int64_t resident_bytes();

// Compares what came out with what must come out, and says so on standard error if it differs.
// An empty `wanted` is not known and passes.
void check(const Figure& figure, std::string_view what, const std::string& got,
           const std::string& wanted);
// Runs `work` in a process of its own, so that no engine inherits the heap of the one before it.
void apart(const std::function<void()>& work);
// The same for work that makes `count` numbers.
std::vector<std::size_t> counted_apart(
    std::size_t count, const std::function<std::vector<std::size_t>()>& work);
// Sorts out what the generator of the rows has freed, which the first large allocation of whoever
// is measured would do otherwise.
void sweep_heap();
// Returns: the exit status of a program: 1 if some check() failed, here or apart.
int exit_status();

}  // namespace tremula::bench
