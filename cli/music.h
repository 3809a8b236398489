// Music: the music shop of examples/music, carried in the command, so that the demo needs no files.
//
//   examples/music/*.csv and *.tql --(build)--> bytes of the program --unpack--> a folder
//
// Thread: the main thread.
#pragma once

#include <filesystem>
#include <span>
#include <string_view>

#include "tremula/tremula.h"

namespace tremula::cli {

struct MusicTable {
  std::string_view name;
  std::string_view csv;
};

std::span<const MusicTable> music_tables();
std::string_view music_schema();  // the TABLE statements
std::string_view music_story();   // examples/music/demo.tql

// The CSV files in a folder of their own, which goes with the object.
class MusicFolder {
 public:
  // Errors: io.
  static Result<MusicFolder> unpack();
  ~MusicFolder();
  MusicFolder(MusicFolder&& other) noexcept;
  MusicFolder& operator=(MusicFolder&&) = delete;

  // A script that imports every table from here.
  std::string import_script() const;

 private:
  explicit MusicFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;  // empty: moved from
};

}  // namespace tremula::cli
