// A todo list in the terminal, live: what another terminal does to the same list shows at once.
//
//   todo [DIR]              a screen: j, k move; a adds; space: done; d deletes; q leaves
//   todo [DIR] --run WORDS  without a screen: add TEXT, done N, delete N, list; several with `;`
#include <poll.h>
#include <termios.h>
#include <tremula/tremula.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <string>
#include <string_view>

namespace {

constexpr const char* kSchema =
    "TABLE Todo = 1 (Text TEXT = 1 NOT NULL, Done BOOL = 2 DEFAULT FALSE, Rank INT = 3 INDEX)";
constexpr const char* kList =
    "SELECT { t.id, t.Text, t.Done } FROM Todo AS t ORDER BY t.Done, t.Rank";

class List {
 public:
  explicit List(tremula::Database& db)
      : db_(db),
        live_(db.subscribe(kList, {}, [this](const tremula::Delta&) { changed_ = true; }).value()),
        rows_(db.query(kList).value()) {}

  // Takes in what others did.  Returns: whether there is something new to draw.
  bool refresh() {
    db_.poll().value();
    if (!std::exchange(changed_, false)) return false;
    rows_ = db_.query(kList).value();
    return true;
  }

  std::size_t size() const { return rows_.size(); }
  bool done(std::size_t at) const { return rows_.value(at, "Done").as_bool(); }
  std::string text(std::size_t at) const { return rows_.value(at, "Text").as_text(); }

  void add(std::string_view text) {
    db_.transact([&](tremula::Transaction& tx) {
         const auto last = tx.query("SELECT { n: coalesce(max(t.Rank), 0) } FROM Todo AS t");
         tx.insert("Todo", {{"Text", text}, {"Rank", last.value(0, "n").as_int() + 1}});
       })
        .value();
  }
  void toggle(std::size_t at) {
    db_.transact([&](tremula::Transaction& tx) {
         tx.update("Todo", id(at), {{"Done", !done(at)}});  // false if it is gone: so be it
       })
        .value();
  }
  void erase(std::size_t at) {
    db_.transact([&](tremula::Transaction& tx) { tx.erase("Todo", id(at)); }).value();
  }

 private:
  std::int64_t id(std::size_t at) const { return rows_.value(at, "id").as_int(); }

  tremula::Database& db_;
  bool changed_ = false;
  tremula::Subscription live_;
  tremula::Rows rows_;
};

// Keys come one by one while it lives, and the terminal is given back as it was.
class RawTerminal {
 public:
  RawTerminal() {
    tcgetattr(STDIN_FILENO, &before_);
    termios raw = before_;
    raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    std::fputs("\033[?1049h\033[?25l", stdout);
  }
  ~RawTerminal() {
    std::fputs("\033[?25h\033[?1049l", stdout);
    std::fflush(stdout);
    tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }

 private:
  termios before_{};
};

void draw(const List& list, std::size_t cursor, const std::string& typed) {
  std::string screen = "\033[H\033[J\033[1mTodo\033[0m\r\n\r\n";
  for (std::size_t i = 0; i < list.size(); ++i) {
    screen += i == cursor ? "\033[7m" : "";
    screen += list.done(i) ? " [x] \033[2m" : " [ ] ";
    screen += list.text(i) + "\033[0m\r\n";
  }
  screen += typed.empty() ? "\r\na: add  space: done  d: delete  q: leave" : "\r\n> " + typed;
  std::fputs(screen.c_str(), stdout);
  std::fflush(stdout);
}

// Waits for a key or for others' commits.  Returns: the key; 0 if there is none; -1 at the end.
int next_key(int wake) {
  pollfd files[2] = {{STDIN_FILENO, POLLIN, 0}, {wake, POLLIN, 0}};
  if (poll(files, wake >= 0 ? 2 : 1, -1) < 0) return 0;
  if (files[0].revents == 0) return 0;
  unsigned char key = 0;
  return read(STDIN_FILENO, &key, 1) == 1 ? key : -1;
}

void show_screen(tremula::Database& db) {
  List list(db);
  const RawTerminal terminal;
  std::size_t cursor = 0;
  std::string typed;  // " " before what is typed of a new one
  for (int key = 0; key != -1 && (key != 'q' || !typed.empty()); key = next_key(db.wake_fd())) {
    const bool any = list.size() > 0;
    if (!typed.empty()) {
      if (key == '\n' || key == '\r') {
        if (typed.size() > 1) list.add(std::string_view(typed).substr(1));
        typed.clear();
      } else if (key == 127 && typed.size() > 1) {
        typed.pop_back();
      } else if (key == 27) {
        typed.clear();
      } else if (key >= ' ' && key != 127) {
        typed += static_cast<char>(key);
      }
    } else if (key == 'a') {
      typed = " ";
    } else if (key == 'j' && any) {
      ++cursor;
    } else if (key == 'k' && cursor > 0) {
      --cursor;
    } else if (key == ' ' && any) {
      list.toggle(cursor);
    } else if (key == 'd' && any) {
      list.erase(cursor);
    }
    list.refresh();
    cursor = std::min(cursor, list.size() == 0 ? 0 : list.size() - 1);
    draw(list, cursor, typed);
  }
}

bool run_words(tremula::Database& db, const std::string& script) {
  List list(db);
  std::istringstream commands(script);
  for (std::string command; std::getline(commands, command, ';');) {
    std::istringstream words(command);
    std::string verb;
    std::string rest;
    words >> verb >> std::ws;
    std::getline(words, rest);
    const auto number = static_cast<std::size_t>(std::atoi(rest.c_str()));
    const bool names_one = number >= 1 && number <= list.size();
    if (verb == "add" && !rest.empty()) {
      list.add(rest);
    } else if (verb == "done" && names_one) {
      list.toggle(number - 1);
    } else if (verb == "delete" && names_one) {
      list.erase(number - 1);
    } else if (verb == "list") {
      for (std::size_t i = 0; i < list.size(); ++i)
        std::printf("%zu [%c] %s\n", i + 1, list.done(i) ? 'x' : ' ', list.text(i).c_str());
    } else {
      std::fprintf(stderr, "add TEXT, done N, delete N or list, not '%s'\n", command.c_str());
      return false;
    }
    list.refresh();
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::string directory;
  std::string script;
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) == "--run" && i + 1 < argc) {
      script = argv[++i];
    } else {
      directory = argv[i];
    }
  }
  try {
    auto db = directory.empty() ? tremula::Database::in_memory()
                                : tremula::Database::open(directory).value();
    db.run(kSchema).value();
    if (!script.empty()) return run_words(db, script) ? EXIT_SUCCESS : EXIT_FAILURE;
    show_screen(db);
  } catch (const tremula::Exception& error) {
    std::fprintf(stderr, "%s\n", error.error().text.c_str());
    return EXIT_FAILURE;
  }
}
