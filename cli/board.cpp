#include "cli/board.h"

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/calls.h"
#include "cli/printer.h"
#include "cli/text_table.h"
#include "tremula/tremula.h"

namespace tremula::cli {
namespace {

constexpr std::string_view kSchema =
    "TABLE Card = 1 (Text TEXT = 1 NOT NULL, Lane TEXT = 2 NOT NULL, "
    "Votes INT = 3 COUNTER DEFAULT 0, Author TEXT = 4)";
constexpr std::string_view kCards =
    "SELECT { c.id, c.Text, c.Lane, c.Votes, c.Author } FROM Card AS c ORDER BY c.id";
constexpr std::array<std::string_view, 3> kLanes = {"todo", "doing", "done"};
constexpr std::string_view kHelp =
    "add TEXT | edit N TEXT | move N todo|doing|done | vote N | delete N | quit";
constexpr std::size_t kWidthMin = 40;
constexpr int kLookMs = 200;  // where nothing wakes

constexpr const char* kClear = "\033[H\033[2J";
constexpr const char* kBold = "\033[1m";
constexpr const char* kDim = "\033[2m";
constexpr const char* kPlain = "\033[0m";

struct Card {
  std::int64_t id = 0;
  std::string text;
  std::string lane;
  std::int64_t votes = 0;
  std::string author;
};

// The next word of a line, which is cut off it.
std::string_view take_word(std::string_view& line) {
  const std::size_t begin = std::min(line.find_first_not_of(' '), line.size());
  line.remove_prefix(begin);
  const std::string_view word = line.substr(0, line.find(' '));
  line.remove_prefix(word.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return word;
}

class Board {
 public:
  Board(Database database, std::string author)
      : database_(std::move(database)), author_(std::move(author)) {}

  Result<void> open();
  // Takes in what others did.  Returns: whether the cards changed since the last call.
  bool refresh();
  // Waits until others may have done something, or standard input has something to read.
  void wait(bool for_input) const;
  // Does what a line says.  Errors: what is wrong with it, or what the database says.
  Result<void> execute(std::string_view line);
  std::string drawing(std::size_t width, bool in_colour) const;
  std::size_t size() const { return cards_.size(); }
  int close() { return end_call(database_, true); }

 private:
  Result<void> declare();
  Result<void> reread();
  Result<std::int64_t> card_numbered(std::string_view word) const;
  Result<void> write(std::string_view statement, NamedValues values);

  Database database_;
  std::string author_;
  Subscription live_;
  bool has_changed_ = true;
  std::vector<Card> cards_;
};

Result<void> Board::open() {
  if (auto declared = declare(); !declared) return declared.error();
  auto subscribed = database_.subscribe(kCards, {}, [this](const Delta&) { has_changed_ = true; });
  if (!subscribed) return subscribed.error();
  live_ = std::move(subscribed).value();
  return reread();
}

// Another process may declare the table at the same time: one of the two is told to try again.
Result<void> Board::declare() {
  constexpr int kTries = 5;
  for (int tries = 1;; ++tries) {
    const auto declared = database_.run(kSchema);
    if (declared) return {};
    if (declared.error().code != ErrorCode::kSchemaConflict || tries == kTries)
      return declared.error();
  }
}

Result<void> Board::reread() {
  const auto rows = database_.query(kCards);
  if (!rows) return rows.error();
  cards_.clear();
  for (std::size_t i = 0; i < rows.value().size(); ++i) {
    const auto text = [&](const char* column) {
      const Value value = rows.value().value(i, column);
      return value.is_null() ? std::string() : display_text(value);
    };
    cards_.push_back({rows.value().value(i, "id").as_int(), text("Text"), text("Lane"),
                      rows.value().value(i, "Votes").as_int(), text("Author")});
  }
  return {};
}

bool Board::refresh() {
  (void)database_.poll();  // what it fails with, the next command fails with
  if (!std::exchange(has_changed_, false)) return false;
  (void)reread();
  return true;
}

void Board::wait(bool for_input) const {
  std::array<pollfd, 2> watched = {
      {{for_input ? STDIN_FILENO : -1, POLLIN, 0}, {database_.wake_fd(), POLLIN, 0}}};
  (void)::poll(watched.data(), watched.size(), database_.wake_fd() < 0 ? kLookMs : -1);
}

Result<std::int64_t> Board::card_numbered(std::string_view word) const {
  const std::string digits(word);
  char* end = nullptr;
  const unsigned long number = std::strtoul(digits.c_str(), &end, 10);
  if (digits.empty() || *end != '\0' || number == 0 || number > cards_.size())
    return command_error(ErrorCode::kSyntax, "there is no card '" + digits + "'");
  return cards_[number - 1].id;
}

Result<void> Board::write(std::string_view statement, NamedValues values) {
  const auto written = database_.run(statement, values);
  if (!written) return written.error();
  return {};
}

Result<void> Board::execute(std::string_view line) {
  const std::string_view command = take_word(line);
  if (command.empty()) return {};
  if (command == "add" && !line.empty()) {
    return write("INSERT INTO Card {Text: $text, Lane: 'todo', Author: $author}",
                 {{"text", line}, {"author", author_}});
  }
  if (command != "edit" && command != "move" && command != "vote" && command != "delete")
    return command_error(ErrorCode::kSyntax, kHelp);
  const auto card = card_numbered(take_word(line));
  if (!card) return card.error();
  const std::int64_t id = card.value();
  if (command == "vote")
    return write("UPDATE Card SET Votes = Votes + 1 WHERE id = $id", {{"id", id}});
  if (command == "delete") return write("DELETE FROM Card WHERE id = $id", {{"id", id}});
  if (command == "edit" && !line.empty())
    return write("UPDATE Card SET Text = $text WHERE id = $id", {{"text", line}, {"id", id}});
  if (command == "move" && std::find(kLanes.begin(), kLanes.end(), line) != kLanes.end())
    return write("UPDATE Card SET Lane = $lane WHERE id = $id", {{"lane", line}, {"id", id}});
  return command_error(ErrorCode::kSyntax, kHelp);
}

// The lanes beside each other; a card has the number that commands name it by.
std::string Board::drawing(std::size_t width, bool in_colour) const {
  const std::size_t lane_width = std::max(width, kWidthMin) / kLanes.size() - 1;
  std::array<std::vector<std::string>, kLanes.size()> lanes;
  for (std::size_t i = 0; i < cards_.size(); ++i) {
    const Card& card = cards_[i];
    const auto lane = std::find(kLanes.begin(), kLanes.end(), card.lane);
    if (lane == kLanes.end()) continue;
    std::string text = std::to_string(i + 1) + " " + card.text;
    if (card.votes != 0) text += " +" + std::to_string(card.votes);
    if (!card.author.empty()) text += " (" + card.author + ")";
    lanes[static_cast<std::size_t>(lane - kLanes.begin())].push_back(shorten(text, lane_width));
  }
  const auto padded = [&](const std::string& text) {
    return text + std::string(lane_width + 1 - std::min(lane_width, display_width(text)), ' ');
  };
  const auto ended = [](std::string row) {
    row.erase(row.find_last_not_of(' ') + 1);
    return row + "\n";
  };
  std::string head;
  for (const std::string_view lane : kLanes) head += padded(std::string(lane));
  std::string drawn = in_colour ? kBold + ended(head) + kPlain : ended(head);
  std::size_t height = 0;
  for (const auto& lane : lanes) height = std::max(height, lane.size());
  for (std::size_t i = 0; i < height; ++i) {
    std::string row;
    for (const auto& lane : lanes) row += padded(i < lane.size() ? lane[i] : std::string());
    drawn += ended(row);
  }
  return drawn;
}

// --- At a terminal ---

// Keys come one by one, and are not shown by the terminal itself.
class RawTerminal {
 public:
  RawTerminal() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios raw = before_;
    raw.c_lflag &= static_cast<tcflag_t>(~(ICANON | ECHO));
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    is_set_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0;
  }
  ~RawTerminal() {
    if (is_set_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;
  RawTerminal& operator=(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool is_set_ = false;
};

// Adds a key to the line.  Returns: whether the line is done.
bool take_key(char key, std::string& line) {
  constexpr char kBackspace = '\b';
  constexpr char kDelete = '\x7f';
  if (key == '\n' || key == '\r') return true;
  if (key == kBackspace || key == kDelete) {
    // A character of UTF-8 ends with bytes that begin with the bits 10.
    while (!line.empty() && (line.back() & 0xC0) == 0x80) line.pop_back();
    if (!line.empty()) line.pop_back();
  } else if (static_cast<unsigned char>(key) >= ' ') {
    line += key;
  }
  return false;
}

void draw(const Board& board, const std::string& line, const std::string& complaint) {
  std::string screen = kClear + board.drawing(terminal_width(), true) + "\n";
  screen += kDim + std::string(kHelp) + kPlain + "\n";
  if (!complaint.empty()) screen += complaint + "\n";
  screen += "> " + line;
  std::fputs(screen.c_str(), stdout);
  std::fflush(stdout);
}

void run_on_terminal(Board& board) {
  constexpr char kEndOfText = '\x04';  // Ctrl-D
  const RawTerminal raw;
  std::string line;
  std::string complaint;
  for (;;) {
    (void)board.refresh();
    draw(board, line, complaint);
    board.wait(true);
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, 0) <= 0) continue;  // others did something
    std::array<char, 256> keys{};
    const ssize_t got = ::read(STDIN_FILENO, keys.data(), keys.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    for (ssize_t i = 0; i < got; ++i) {
      const char key = keys[static_cast<std::size_t>(i)];
      if (key == kEndOfText) return;
      if (!take_key(key, line)) continue;
      if (line == "quit") return;
      const auto done = board.execute(line);
      complaint = done ? "" : done.error().message;
      line.clear();
    }
  }
}

// --- From a script ---

// `show` draws, `wait N` waits until there are N cards; the rest is as at a terminal.
bool run_script(Board& board) {
  constexpr std::size_t kWidth = 78;
  bool all_went_well = true;
  char* text = nullptr;
  std::size_t room = 0;
  ssize_t size = 0;
  while ((size = ::getline(&text, &room, stdin)) >= 0) {
    std::string_view line(text, static_cast<std::size_t>(size));
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    (void)board.refresh();
    std::string_view rest = line;
    const std::string_view command = take_word(rest);
    if (command == "quit") break;
    if (command == "show") {
      std::fputs(board.drawing(kWidth, false).c_str(), stdout);
      std::fflush(stdout);
    } else if (command == "wait") {
      const std::size_t wanted = std::strtoul(std::string(rest).c_str(), nullptr, 10);
      while (board.size() < wanted) {
        board.wait(false);
        (void)board.refresh();
      }
    } else if (const auto done = board.execute(line); !done) {
      print_error(done.error());
      all_went_well = false;
    }
  }
  std::free(text);
  return all_went_well;
}

}  // namespace

int run_board(const Invocation& invocation) {
  auto database = open_database(invocation);
  if (!database) return fail(database.error());
  const char* const user = std::getenv("USER");
  Board board(std::move(database).value(), user == nullptr ? "" : user);
  if (const auto opened = board.open(); !opened) return fail(opened.error());
  bool well = true;
  if (isatty(STDIN_FILENO) != 0) {
    run_on_terminal(board);
    std::fputs("\n", stdout);
  } else {
    well = run_script(board);
  }
  const int ended = board.close();
  return well ? ended : kExitFailed;
}

}  // namespace tremula::cli
