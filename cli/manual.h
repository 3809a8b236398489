// Manual: the page tremula(1), made from what `--help` and `.help` tell.
//
// Thread: pure functions.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tremula::cli {

struct CallText {
  std::string name;       // empty: without a call
  std::string arguments;  // as usage writes them: DIR [--dot]
  std::string text;
  std::vector<std::pair<std::string, std::string>> options;  // how it is written, what it does
};

// The page in the language of man(7).
std::string manual_page(const std::vector<CallText>& calls);

}  // namespace tremula::cli
