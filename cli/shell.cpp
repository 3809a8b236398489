#include "cli/shell.h"

#include <unistd.h>

#include <atomic>
#include <cctype>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "cli/calls.h"
#include "cli/completion.h"
#include "cli/dot_commands.h"
#include "cli/line_editor.h"
#include "cli/live_results.h"
#include "cli/pager.h"
#include "cli/printer.h"
#include "cli/progress_bar.h"
#include "cli/quoted.h"
#include "cli/terminal.h"
#include "lang/treeql/statement.h"

namespace tremula::cli {
namespace {

constexpr const char* kPrompt = "tremula> ";
constexpr const char* kMorePrompt = "    ...> ";

constexpr std::string_view kHelpHead =
    "Statements end with `;` and may take several lines. Ctrl-C forgets what was\n"
    "typed, or ends the statement that runs. SUBSCRIBE keeps a result on the screen,\n"
    "UNSUBSCRIBE ends it.\n";

constexpr std::string_view kColumnsOfAllTables =
    "SELECT t.name AS \"table\", c.number, c.name, c.type, c.key, c.index, c.merge, c.declared "
    "FROM tremula_table AS t JOIN tremula_column AS c ON c.table_number = t.number";

// A file of the user's home, unless TREMULA_HISTORY names another one.
std::string history_path() {
  if (const char* path = std::getenv("TREMULA_HISTORY")) return path;
  const char* home = std::getenv("HOME");
  return home == nullptr ? "" : std::string(home) + "/.tremula_history";
}

void say(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

bool begins_with_word(std::string_view script, std::string_view word) {
  script.remove_prefix(std::min(script.find_first_not_of(" \t\r\n"), script.size()));
  return script.size() >= word.size() &&
         std::equal(word.begin(), word.end(), script.begin(), [](char expected, char c) {
           return std::toupper(static_cast<unsigned char>(c)) == expected;
         });
}

// While it lives Ctrl-C ends the session's statement, not the shell.
class Interrupts {
 public:
  explicit Interrupts(Session& session) {
    running = &session;
    struct sigaction action {};
    action.sa_handler = [](int) {
      if (Session* const session_now = running.load()) session_now->interrupt();
    };
    action.sa_flags = SA_RESTART;
    sigaction(SIGINT, &action, &before_);
  }
  ~Interrupts() {
    sigaction(SIGINT, &before_, nullptr);
    running = nullptr;
  }
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

 private:
  static inline std::atomic<Session*> running = nullptr;
  struct sigaction before_ {};
};

class Shell {
 public:
  Shell(Terminal& terminal, Database database)
      : terminal_(terminal),
        database_(std::make_unique<Database>(std::move(database))),
        pager_(terminal_, [this] { wait_for_key(nullptr); }),
        printer_(default_mode()),
        editor_(
            history_path(),
            [this](std::string_view prefix) { return complete(*database_, prefix); },
            [this](LineEditor&) { wait_for_key(&editor_); }) {
    open_session();
    if (!terminal_.is_interactive()) return;
    printer_.on_live([this](const Output& output) { live_.take(output); });
    printer_.page_by(pager_, [this] {
      stopped_ = true;
      session_->interrupt();
    });
  }

  int loop() {
    say("Tremula " TREMULA_VERSION ", `.help` for help\n");
    while (auto line = editor_.read(statement_.empty() ? kPrompt : kMorePrompt)) {
      if (line->cancelled) {
        statement_.clear();
        continue;
      }
      if (!line->text.empty()) editor_.remember(line->text);
      if (statement_.empty() && line->text.starts_with('.')) {
        if (!command(parse_dot_line(line->text))) break;
        continue;
      }
      statement_ += line->text + "\n";
      if (treeql::is_incomplete(statement_)) continue;
      execute(std::exchange(statement_, {}));
    }
    terminal_.draw_panel({});
    return end_call(*database_, printer_.finish());
  }

 private:
  void open_session() {
    session_ = std::make_unique<Session>(*database_, [this](const Output& output) {
      if (bar_) bar_->clear();
      if (typing_ && printer_.mode() != Mode::kTable && !std::exchange(spoke_, true))
        say("\r\033[J");  // the prompt comes again below what is said
      printer_.take(output);
    });
    if (terminal_.is_interactive()) {
      session_->on_progress([this](std::uint64_t done, std::uint64_t total) {
        if (bar_) bar_->show(done, total);
      });
    }
    deaf_ = false;
  }

  void execute(std::string_view script, NamedValues parameters = {}) {
    const auto begun = std::chrono::steady_clock::now();
    bar_.emplace(begins_with_word(script, "EXPORT") ? ProgressBar::Unit::kRows
                                                    : ProgressBar::Unit::kBytes);
    running_ = true;
    stopped_ = false;
    const Interrupts interrupts(*session_);
    const auto result = session_->run(script, parameters);
    running_ = false;
    bar_.reset();
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begun;
    const bool interrupted = !result && result.error().code == ErrorCode::kInterrupted;
    if (interrupted && !stopped_) printer_.discard();
    if (!printer_.finish()) std::exit(kExitFailed);
    if (!result && !(interrupted && stopped_)) print_error(result.error());
    if (timer_) std::fprintf(stderr, "took %.3f ms\n", took.count());
    draw_live();
  }

  void draw_live() {
    if (!terminal_.is_interactive()) return;
    if (printer_.mode() != Mode::kTable) return terminal_.draw_panel({});
    terminal_.draw_panel(
        live_.lines(*session_, Terminal::panel_rows_max(), Terminal::size().columns));
  }

  // Until a key can be read, takes in what others commit and follows the window's size.
  // editor: whose line is on the screen, or null.
  void wait_for_key(LineEditor* editor) {
    for (;;) {
      switch (terminal_.wait(running_ || deaf_ ? -1 : database_->wake_fd())) {
        case Terminal::Event::kInput: return;
        case Terminal::Event::kWake: take_commits(editor); break;
        case Terminal::Event::kResize:
          if (editor != nullptr) editor->resized();
          draw_live();
          if (editor != nullptr) editor->refresh();
          break;
      }
    }
  }

  void take_commits(LineEditor* editor) {
    typing_ = editor != nullptr;
    spoke_ = false;
    const auto polled = database_->poll();
    typing_ = false;
    if (!polled) {
      if (!spoke_) say("\r\033[J");
      spoke_ = true;
      print_error(polled.error());
      deaf_ = true;
    }
    if (!printer_.finish()) std::exit(kExitFailed);
    draw_live();
    if (editor != nullptr && spoke_) editor->refresh();
  }

  // Returns: false to leave.
  bool command(const DotLine& line) {
    if (line.command == nullptr) {
      say("there is no " + std::string(line.name) + "; `.help` lists the commands\n");
      return true;
    }
    switch (line.command->dot) {
      case Dot::kQuit: return false;
      case Dot::kHelp: say(std::string(kHelpHead) + dot_help()); break;
      case Dot::kTables: execute("SHOW TABLES;"); break;
      case Dot::kSubscriptions: execute("SHOW SUBSCRIPTIONS;"); break;
      case Dot::kSchema: schema(line.rest); break;
      case Dot::kExplain: explain(line); break;
      case Dot::kMode: set_mode(line); break;
      case Dot::kTimer: set_timer(line); break;
      case Dot::kImport: import(line); break;
      case Dot::kExport: export_rows(line); break;
      case Dot::kOpen: open(line); break;
    }
    return true;
  }

  static void say_usage(const DotLine& line) {
    say(std::string(line.command->name) + " takes " + std::string(line.command->arguments) + "\n");
  }

  void schema(std::string_view table) {
    const std::string select(kColumnsOfAllTables);
    if (table.empty()) return execute(select + ";");
    execute(select + " WHERE t.name = $table;", {{"table", table}});
  }

  void explain(const DotLine& line) {
    if (line.rest.empty()) return say_usage(line);
    const bool live = line.rest.find_first_of(" \t{") == std::string_view::npos;
    execute((live ? "EXPLAIN LIVE " : "EXPLAIN ") + std::string(line.rest) + ";");
  }

  void set_mode(const DotLine& line) {
    const auto mode = mode_named(line.rest);
    if (!mode) return say(".mode takes json, table or csv\n");
    printer_.set_mode(*mode);
    draw_live();
  }

  void set_timer(const DotLine& line) {
    if (line.rest != "on" && line.rest != "off") return say_usage(line);
    timer_ = line.rest == "on";
  }

  void import(const DotLine& line) {
    const auto words = line.words(3);
    const bool replace = words.size() == 3 && words[2] == "replace";
    if (words.size() != 2 && !replace) return say_usage(line);
    execute(import_statement(words[0], words[1], replace));
  }

  void export_rows(const DotLine& line) {
    const auto words = line.words(1);
    if (words.size() != 2) return say_usage(line);
    const auto select = inner_select(*database_, words[1]);
    if (!select) return print_error(select.error());
    execute(export_statement(select.value(), words[0]));
  }

  // The database in hand stays if the other one can't be had.
  void open(const DotLine& line) {
    const auto words = line.words(1);
    if (words.size() > 1) return say_usage(line);
    Invocation other;
    if (!words.empty()) other.directory = words[0];
    auto opened = open_database(other);
    if (!opened) return print_error(opened.error());
    session_.reset();
    end_call(*database_, true);
    database_ = std::make_unique<Database>(std::move(opened).value());
    open_session();
    draw_live();
  }

  Terminal& terminal_;
  std::unique_ptr<Database> database_;
  Pager pager_;
  Printer printer_;
  LiveResults live_;
  std::optional<ProgressBar> bar_;
  std::unique_ptr<Session> session_;
  LineEditor editor_;
  std::string statement_;  // the lines of it that were typed so far
  bool running_ = false;   // a statement
  bool stopped_ = false;   // its table: no more of it was wanted
  bool typing_ = false;    // a line is on the screen while others' commits are taken in
  bool spoke_ = false;     // and something was printed over it
  bool timer_ = false;
  bool deaf_ = false;  // taking in what others commit failed: told once
};

}  // namespace

int run_shell(const Invocation& invocation) {
  if (!isatty(STDIN_FILENO)) {
    Invocation script = invocation;
    script.file = "-";
    return run_file(script);
  }
  Terminal terminal;  // before the database makes a thread
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  return Shell(terminal, std::move(database).value()).loop();
}

}  // namespace tremula::cli
