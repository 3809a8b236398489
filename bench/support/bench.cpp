#include "bench/support/bench.h"

#include <malloc.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace tremula::bench {
namespace {

bool failed = false;
constexpr int kSweeps = 1000;
constexpr std::size_t kSweepBytes = 64 * 1024;  // large, but not mapped apart

[[noreturn]] void usage(const char* program) {
  std::fprintf(stderr,
               "usage: %s [--smoke | --size smoke|full] [--n 10k|100k|1m] [--only CASE]\n"
               "       [--engine tremula|floor|sqlite3]\n",
               program);
  std::exit(2);
}

}  // namespace

Options read_options(int argc, char** argv) {
  Options options;
  std::string n;
  for (int i = 1; i < argc; i++) {
    const std::string_view name = argv[i];
    if (name == "--smoke") {
      options.full = false;
      continue;
    }
    if (i + 1 == argc) usage(argv[0]);
    const std::string_view value = argv[++i];
    if (name == "--size" && (value == "smoke" || value == "full")) {
      options.full = value == "full";
    } else if (name == "--n") {
      n = value;
    } else if (name == "--only") {
      options.only = value;
    } else if (name == "--engine") {
      options.engine = value;
    } else {
      usage(argv[0]);
    }
  }
  options.size = size_of(n.empty() ? (options.full ? "100k" : "10k") : n);
  if (options.size.issues == 0) usage(argv[0]);
  return options;
}

double Samples::percentile_us(double percent) const {
  if (ns_.empty()) return 0;
  std::vector<std::int64_t> sorted = ns_;
  const auto place = static_cast<std::size_t>(
      static_cast<double>(sorted.size() - 1) * percent / 100 + 0.5);
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(place),
                   sorted.end());
  return static_cast<double>(sorted[place]) / 1000;
}

void report(const Figure& figure, std::string_view metric, double value, std::string_view unit) {
  std::printf("{\"bench\":\"%s\",\"case\":\"%s\",\"kind\":\"%s\",\"engine\":\"%s\",\"n\":%lld,"
              "\"metric\":\"%.*s\",\"value\":%.6g,\"unit\":\"%.*s\"}\n",
              figure.bench.c_str(), figure.name.c_str(), figure.kind.c_str(),
              figure.engine.c_str(), static_cast<long long>(figure.n),
              static_cast<int>(metric.size()), metric.data(), value,
              static_cast<int>(unit.size()), unit.data());
  std::fflush(stdout);
}

void report(const Figure& figure, const Samples& samples) {
  if (samples.size() == 0) return;
  report(figure, "p50", samples.percentile_us(50), "us");
  report(figure, "p99", samples.percentile_us(99), "us");
  report(figure, "samples", static_cast<double>(samples.size()), "transactions");
}

std::int64_t resident_bytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind("VmRSS:", 0) == 0) return std::atoll(line.c_str() + 6) * 1024;
  }
  return 0;
}

void check(const Figure& figure, std::string_view what, const std::string& got,
           const std::string& wanted) {
  if (wanted.empty() || got == wanted) return;
  failed = true;
  std::fprintf(stderr, "%s %s %s: %.*s is %s, expected %s\n", figure.bench.c_str(),
               figure.name.c_str(), figure.engine.c_str(), static_cast<int>(what.size()),
               what.data(), got.c_str(), wanted.c_str());
}

void apart(const std::function<void()>& work) {
  const pid_t child = fork();
  if (child == 0) {
    failed = false;
    work();
    std::exit(exit_status());
  }
  int status = 0;
  const bool ended = child > 0 && waitpid(child, &status, 0) == child;
  if (!ended || !WIFEXITED(status) || WEXITSTATUS(status) != 0) failed = true;
}

std::vector<std::size_t> counted_apart(
    std::size_t count, const std::function<std::vector<std::size_t>()>& work) {
  void* const shared = mmap(nullptr, count * sizeof(std::size_t), PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) {
    failed = true;
    return std::vector<std::size_t>(count);
  }
  auto* const numbers = static_cast<std::size_t*>(shared);
  apart([&] {
    const std::vector<std::size_t> made = work();
    std::copy_n(made.begin(), std::min(count, made.size()), numbers);
  });
  std::vector<std::size_t> counted(numbers, numbers + count);
  munmap(shared, count * sizeof(std::size_t));
  return counted;
}

void sweep_heap() {
  malloc_trim(0);
  // What was freed waits in one list until something larger is asked for, which sorts no more than
  // 10,000 pieces of it; what the data were made of leaves a million. Who comes next would pay.
  for (int i = 0; i < kSweeps; ++i) {
    void* volatile block = std::malloc(kSweepBytes);
    std::free(block);
  }
}

int exit_status() { return failed ? 1 : 0; }

}  // namespace tremula::bench
