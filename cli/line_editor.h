// LineEditor: a line from a person at a terminal, with history and completion. The door to libedit.
//
//   keys -> LineEditor::read -> Line | nothing at the end of input
//
// Prompts and echoes go to standard error, so that standard output holds results alone.
// Thread: the main thread; one editor at a time.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tremula::cli {

struct Line {
  std::string text;        // without its newline
  bool cancelled = false;  // Ctrl-C: forget this line and those before it
};

class LineEditor {
 public:
  // The whole words that may stand where `prefix` begins to.
  using Completion = std::function<std::vector<std::string>(std::string_view prefix)>;

  // Called while the editor waits for keys; returns when one can be read. It may call refresh().
  using Wait = std::function<void(LineEditor&)>;

  // history_path: where lines are kept between runs; empty: nowhere.
  // wait: may be empty; then reading a key waits.
  LineEditor(std::string history_path, Completion completion, Wait wait);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  std::optional<Line> read(const std::string& prompt);
  void remember(const std::string& line);
  // Prints prompt and line anew, where the cursor is.
  void refresh();
  // The window has another size.
  void resized();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tremula::cli
