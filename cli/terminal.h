// Terminal: the window in front of a person, when standard input and output are one.
//
//   keys, commits of other processes, a new size  --wait-->  which of them it was
//   rows 1 .. n      what is typed and answered: it scrolls
//   rows n+1 .. end  the panel: lines that stay where they are and change in place
//
// The panel stands below a scroll region of the terminal, so that neither the editing of a line nor
// what statements print needs to know of it.
// Thread: the main thread; one Terminal at a time, made before any other thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace tremula::cli {

class Terminal {
 public:
  Terminal();
  ~Terminal();  // gives the whole window back
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  // Whether input and output are a terminal that can do what the panel and the pager need.
  bool is_interactive() const { return interactive_; }

  struct Size {
    std::size_t rows = 24;
    std::size_t columns = 80;
  };
  static Size size();

  enum class Event {
    kInput,   // a key, or the end of input: reading doesn't block
    kWake,    // the descriptor became readable
    kResize,  // the window has another size; the panel is gone until it is drawn again
  };
  // wake: a descriptor, or -1.
  Event wait(int wake);

  // One key, unread by the line editor.  Returns: its byte; -1 at the end.  Requires: kInput.
  static int read_key();

  // Puts the lines at the bottom of the window, over those drawn before; the cursor stays where it
  // is, and what stood there scrolls up. No line: no panel.
  // Requires: lines no wider than the window, at most panel_rows_max().
  void draw_panel(const std::vector<std::string>& lines);
  // About half the window.
  static std::size_t panel_rows_max();
  // Rows left above the panel.
  std::size_t rows_above() const;

 private:
  void reserve(std::size_t rows);

  bool interactive_ = false;
  std::size_t panel_rows_ = 0;
  Size drawn_for_;
};

// While it lives, keys come one by one, without echo, and Ctrl-C is one of them.
class RawKeys {
 public:
  RawKeys();
  ~RawKeys();
  RawKeys(const RawKeys&) = delete;
  RawKeys& operator=(const RawKeys&) = delete;

 private:
  struct Saved;
  std::unique_ptr<Saved> saved_;
};

}  // namespace tremula::cli
