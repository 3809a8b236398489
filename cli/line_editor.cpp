#include "cli/line_editor.h"

#include <histedit.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cwchar>

namespace tremula::cli {
namespace {

constexpr int kHistoryLinesMax = 1000;
constexpr std::size_t kCandidatesShownMax = 60;

bool is_word_byte(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
}

std::string common_prefix(const std::vector<std::string>& words) {
  std::string prefix = words.front();
  for (const std::string& word : words) {
    const auto end = std::mismatch(prefix.begin(), prefix.end(), word.begin(), word.end()).first;
    prefix.erase(end, prefix.end());
  }
  return prefix;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::string history_path;
  Completion completion;
  std::string prompt;
  bool cancelled = false;
  Wait wait;
  LineEditor* editor_of_ours = nullptr;

  static State& of(EditLine* editor) {
    void* data = nullptr;
    el_get(editor, EL_CLIENTDATA, &data);
    return *static_cast<State*>(data);
  }
  static char* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }

  // libedit's reader of a key: 1, 0 at the end of input, -1 if it can't.
  static int read_key(EditLine* editor, wchar_t* key) {
    State& state = of(editor);
    std::mbstate_t part{};
    for (;;) {
      if (state.wait) state.wait(*state.editor_of_ours);
      char byte = 0;
      const ssize_t got = ::read(STDIN_FILENO, &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return static_cast<int>(got);
      const std::size_t used = std::mbrtowc(key, &byte, 1, &part);
      if (used == static_cast<std::size_t>(-2)) continue;  // more bytes belong to it
      if (used != static_cast<std::size_t>(-1)) return 1;
      part = {};  // not a character of this terminal's encoding: leave it out
    }
  }

  static unsigned char cancel(EditLine* editor, int) {
    of(editor).cancelled = true;
    std::fputs("^C\n", stderr);
    return CC_NEWLINE;
  }

  static unsigned char complete(EditLine* editor, int) {
    const LineInfo* line = el_line(editor);
    const char* begin = line->cursor;
    while (begin > line->buffer && is_word_byte(begin[-1])) --begin;
    const std::string_view prefix(begin, static_cast<std::size_t>(line->cursor - begin));
    const std::vector<std::string> words = of(editor).completion(prefix);
    if (words.empty()) return CC_REFRESH_BEEP;
    const std::string end_of_word = words.size() == 1 ? " " : "";
    const std::string rest = common_prefix(words).substr(prefix.size()) + end_of_word;
    if (!rest.empty()) {
      el_insertstr(editor, rest.c_str());
      return CC_REFRESH;
    }
    std::fputc('\n', stderr);
    for (std::size_t i = 0; i < std::min(words.size(), kCandidatesShownMax); ++i)
      std::fprintf(stderr, "%s  ", words[i].c_str());
    if (words.size() > kCandidatesShownMax) std::fputs("...", stderr);
    std::fputc('\n', stderr);
    return CC_REDISPLAY;
  }
};

LineEditor::LineEditor(std::string history_path, Completion completion, Wait wait)
    : state_(std::make_unique<State>()) {
  state_->wait = std::move(wait);
  state_->editor_of_ours = this;
  state_->history_path = std::move(history_path);
  state_->completion = std::move(completion);
  EditLine* editor = el_init("tremula", stdin, stderr, stderr);
  state_->editor = editor;
  el_set(editor, EL_CLIENTDATA, state_.get());
  el_set(editor, EL_PROMPT, &State::prompt_of);
  el_set(editor, EL_GETCFN, &State::read_key);
  el_set(editor, EL_EDITOR, "emacs");
  // Wide names: libedit copies narrow ones and never gives the copies back.
  el_wset(editor, EL_ADDFN, L"tremula-complete", L"Complete a word", &State::complete);
  el_set(editor, EL_BIND, "^I", "tremula-complete", nullptr);
  // While a line is edited Ctrl-C is a key of ours; while a statement runs it is the signal.
  el_set(editor, EL_SETTY, "-d", "-isig", nullptr);
  el_wset(editor, EL_ADDFN, L"tremula-cancel", L"Forget the statement", &State::cancel);
  el_set(editor, EL_BIND, "^C", "tremula-cancel", nullptr);

  HistEvent event;
  state_->history = history_init();
  history(state_->history, &event, H_SETSIZE, kHistoryLinesMax);
  history(state_->history, &event, H_SETUNIQUE, 1);
  el_set(editor, EL_HIST, history, state_->history);
  if (!state_->history_path.empty())
    history(state_->history, &event, H_LOAD, state_->history_path.c_str());
}

LineEditor::~LineEditor() {
  HistEvent event;
  if (!state_->history_path.empty())
    history(state_->history, &event, H_SAVE, state_->history_path.c_str());
  history_end(state_->history);
  el_end(state_->editor);
}

std::optional<Line> LineEditor::read(const std::string& prompt) {
  state_->prompt = prompt;
  state_->cancelled = false;
  // Before the prompt: a key pressed as soon as it shows must not meet the terminal's own editing.
  el_set(state_->editor, EL_PREP_TERM, 1);
  int size = 0;
  const char* text = el_gets(state_->editor, &size);
  if (text == nullptr || size <= 0) return std::nullopt;
  Line line{std::string(text, static_cast<std::size_t>(size)), state_->cancelled};
  while (line.text.ends_with('\n') || line.text.ends_with('\r')) line.text.pop_back();
  return line;
}

void LineEditor::refresh() { el_set(state_->editor, EL_REFRESH); }

void LineEditor::resized() { el_resize(state_->editor); }

void LineEditor::remember(const std::string& line) {
  HistEvent event;
  history(state_->history, &event, H_ENTER, line.c_str());
}

}  // namespace tremula::cli
