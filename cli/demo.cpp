#include "cli/demo.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "cli/arguments.h"
#include "cli/demo_stream.h"
#include "cli/json_text.h"
#include "cli/music.h"
#include "cli/outline.h"
#include "cli/printer.h"
#include "core/triples/value_ops.h"

namespace tremula::cli {
namespace {

constexpr std::string_view kStepMark = "--* ";
constexpr int kStreamTransactions = 1'000;
constexpr auto kPause = std::chrono::milliseconds(700);  // for the eye, on a terminal alone

constexpr std::size_t kContextLines = 3;  // around a changed line

constexpr const char* kBold = "\033[1m";
constexpr const char* kDim = "\033[2m";
constexpr const char* kGreen = "\033[32m";
constexpr const char* kRed = "\033[31m";
constexpr const char* kPlain = "\033[0m";

struct Step {
  std::string_view title;
  std::string_view script;
};

// The story's steps: each from its mark to the next one.
std::vector<Step> steps_of(std::string_view story) {
  std::vector<Step> steps;
  std::size_t at = story.find(kStepMark);
  while (at != std::string_view::npos) {
    const std::size_t title = at + kStepMark.size();
    const std::size_t script = story.find('\n', title) + 1;
    at = story.find(kStepMark, script);
    std::string_view text = story.substr(script, at == std::string_view::npos ? at : at - script);
    while (text.ends_with('\n')) text.remove_suffix(1);
    steps.push_back({story.substr(title, script - 1 - title), text});
  }
  return steps;
}

std::string json_string(std::string_view text) {
  std::string json;
  triples::print_json_string(text, json);
  return json;
}

// The operations of a subscription's line: what stands behind "patch":.
std::string_view patch_in(std::string_view line) {
  constexpr std::string_view kKey = "\"patch\":";
  const std::size_t begin = line.find(kKey) + kKey.size();
  return line.substr(begin, line.size() - 1 - begin);
}

// The changed lines in colour, the others only where they stand near a changed one.
void draw_lines(const std::vector<ChangedLine>& lines) {
  bool left_out = false;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::size_t begin = i < kContextLines ? 0 : i - kContextLines;
    const std::size_t end = std::min(lines.size(), i + kContextLines + 1);
    const bool near =
        std::any_of(lines.begin() + static_cast<std::ptrdiff_t>(begin),
                    lines.begin() + static_cast<std::ptrdiff_t>(end),
                    [](const ChangedLine& line) { return line.change != LineChange::kSame; });
    if (!near && !left_out) std::puts("  ...");
    left_out = !near;
    if (!near) continue;
    const char* text = lines[i].text.c_str();
    if (lines[i].change == LineChange::kSame) std::printf("  %s\n", text);
    if (lines[i].change == LineChange::kAdded) std::printf("%s+ %s%s\n", kGreen, text, kPlain);
    if (lines[i].change == LineChange::kRemoved) std::printf("%s- %s%s\n", kRed, text, kPlain);
  }
}

class Demo {
 public:
  explicit Demo(bool terminal)
      : terminal_(terminal),
        database_(Database::in_memory()),
        session_(database_, [this](const Output& output) { take(output); }) {}

  Result<void> tell() {
    if (auto done = import(); !done) return done;
    for (const Step& step : steps_of(music_story())) {
      if (auto done = play(step); !done) return done;
    }
    return stream();
  }

  // Returns: whether every live result is what a fresh SELECT gives.
  Result<bool> check();

 private:
  struct Patch {
    std::string subscription;
    std::string operations;
  };

  void take(const Output& output) {
    if (output.kind == OutputKind::kShow) {
      listed_.emplace_back(output.text);
      return;
    }
    if (output.kind == OutputKind::kError) print_error(*output.error);
    if (output.kind == OutputKind::kPatch) {
      ++patches_heard_[std::string(output.subscription)];
      if (terminal_ && !streaming_)
        patches_.push_back({std::string(output.subscription), std::string(patch_in(output.text))});
    }
    const bool has_line = output.kind != OutputKind::kError && !output.text.empty();
    if (!terminal_ && has_line) std::printf("%s\n", std::string(output.text).c_str());
  }

  Result<void> run(std::string_view script) {
    const auto result = session_.run(script);
    if (!result) return result.error();
    return {};
  }

  Result<void> import();
  Result<void> play(const Step& step);
  Result<void> stream();
  void title(std::string_view text);
  void show_changes();
  Result<void> show_results();

  bool terminal_;
  bool streaming_ = false;
  Database database_;
  std::vector<Patch> patches_;  // of the step that is played
  std::map<std::string, std::size_t> patches_heard_;
  std::vector<std::string> listed_;                        // what SHOW SUBSCRIPTIONS said
  std::map<std::string, std::vector<std::string>> drawn_;  // results as they were last drawn
  Session session_;  // last: it ends before what its sink uses
};

void Demo::title(std::string_view text) {
  if (terminal_) {
    std::printf("\n%s%s%s\n", kBold, std::string(text).c_str(), kPlain);
  } else {
    std::printf("{\"step\":%s}\n", json_string(text).c_str());
  }
}

Result<void> Demo::import() {
  const auto folder = MusicFolder::unpack();
  if (!folder) return folder.error();
  title("The music shop is imported: eleven tables, one CSV file each.");
  if (auto declared = run(music_schema()); !declared) return declared;
  return run(folder.value().import_script());
}

Result<void> Demo::play(const Step& step) {
  title(step.title);
  if (terminal_) std::printf("%s%s%s\n", kDim, std::string(step.script).c_str(), kPlain);
  patches_.clear();
  const std::size_t known = session_.subscriptions().size();
  if (auto done = run(step.script); !done) return done;
  if (!terminal_) return {};
  if (session_.subscriptions().size() != known) {
    if (auto shown = show_results(); !shown) return shown;
  } else if (patches_.empty()) {
    std::printf("no live result changes\n");
  }
  show_changes();
  std::fflush(stdout);
  std::this_thread::sleep_for(kPause);
  return {};
}

void Demo::show_changes() {
  for (const Patch& patch : patches_) {
    std::printf("%s%s%s\n", kBold, patch.subscription.c_str(), kPlain);
    for (const std::string_view operation : elements_of(patch.operations))
      std::printf("  %spatch %s%s\n", kDim, std::string(operation).c_str(), kPlain);
    const auto result = session_.result_of(patch.subscription);
    if (!result) continue;  // it ended with this step
    std::vector<std::string>& before = drawn_[patch.subscription];
    std::vector<std::string> after = outline(result.value());
    draw_lines(compare_lines(before, after));
    before = std::move(after);
  }
}

Result<void> Demo::show_results() {
  for (const std::string& name : session_.subscriptions()) {
    const auto result = session_.result_of(name);
    if (!result) return result.error();
    drawn_[name] = outline(result.value());
    std::printf("%s%s%s\n", kBold, name.c_str(), kPlain);
    for (const std::string& line : drawn_[name]) std::printf("  %s\n", line.c_str());
  }
  return {};
}

Result<void> Demo::stream() {
  title("A stream of " + std::to_string(kStreamTransactions) + " sales, returns and corrections.");
  patches_heard_.clear();
  streaming_ = true;
  DemoStream stream(database_);
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kStreamTransactions; ++i) {
    if (auto done = stream.next(); !done) return done.error();
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  streaming_ = false;
  if (!terminal_) return {};
  std::printf("%d transactions in %.1f ms;", kStreamTransactions, took.count());
  for (const auto& [name, count] : patches_heard_)
    std::printf(" %zu patches of %s;", count, name.c_str());
  std::printf(" the results now:\n");
  return show_results();
}

Result<bool> Demo::check() {
  std::size_t equal = 0;
  title("Every live result against a fresh SELECT.");
  if (auto done = run("SHOW SUBSCRIPTIONS;"); !done) return done.error();
  for (const std::string& line : listed_) {
    const Cells cells = cells_of(line);
    const std::string& name = cells.at(0).second.as_text();
    const auto live = session_.result_of(name);
    if (!live) return live.error();
    const auto fresh = database_.query(cells.at(1).second.as_text());
    if (!fresh) return fresh.error();
    const bool same = fresh.value().json() == live.value();
    equal += same ? 1 : 0;
    if (terminal_) {
      std::printf("%s%s: %s%s\n", same ? kGreen : kRed, name.c_str(), same ? "equal" : "DIFFERENT",
                  kPlain);
    } else {
      std::printf("{\"check\":%s,\"equal\":%s}\n", json_string(name).c_str(),
                  same ? "true" : "false");
    }
  }
  const std::size_t count = session_.subscriptions().size();
  if (terminal_) {
    std::printf("%zu of %zu live results are what a fresh SELECT gives.\n", equal, count);
  } else {
    std::printf("{\"checked\":%zu,\"equal\":%zu}\n", count, equal);
  }
  return count > 0 && equal == count;
}

}  // namespace

int run_demo() {
  Demo demo(isatty(STDOUT_FILENO) != 0);
  if (const auto told = demo.tell(); !told) {
    print_error(told.error());
    return kExitFailed;
  }
  const auto equal = demo.check();
  if (!equal) print_error(equal.error());
  Printer printer(Mode::kJson);
  return printer.finish() && equal && equal.value() ? kExitOk : kExitFailed;
}

}  // namespace tremula::cli
