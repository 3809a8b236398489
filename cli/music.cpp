#include "cli/music.h"

#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "cli/printer.h"

// The assembler takes the files in as they are: nothing is generated.
#define TREMULA_EMBED(symbol, file)                                      \
  asm(".section .rodata\n"                                               \
      "tremula_" #symbol "_begin: .incbin \"" TREMULA_MUSIC_DIR "/" file \
      "\"\n"                                                             \
      "tremula_" #symbol                                                 \
      "_end: .byte 0\n"                                                  \
      ".previous\n");                                                    \
  extern "C" const char tremula_##symbol##_begin[];                      \
  extern "C" const char tremula_##symbol##_end[]

TREMULA_EMBED(album, "Album.csv");
TREMULA_EMBED(artist, "Artist.csv");
TREMULA_EMBED(customer, "Customer.csv");
TREMULA_EMBED(employee, "Employee.csv");
TREMULA_EMBED(genre, "Genre.csv");
TREMULA_EMBED(invoice, "Invoice.csv");
TREMULA_EMBED(invoice_line, "InvoiceLine.csv");
TREMULA_EMBED(media_type, "MediaType.csv");
TREMULA_EMBED(playlist, "Playlist.csv");
TREMULA_EMBED(playlist_track, "PlaylistTrack.csv");
TREMULA_EMBED(track, "Track.csv");
TREMULA_EMBED(schema, "schema.tql");
TREMULA_EMBED(story, "demo.tql");

#define TREMULA_EMBEDDED(symbol)             \
  std::string_view(tremula_##symbol##_begin, \
                   static_cast<std::size_t>(tremula_##symbol##_end - tremula_##symbol##_begin))

namespace tremula::cli {

std::span<const MusicTable> music_tables() {
  static const MusicTable kTables[] = {
      {"Album", TREMULA_EMBEDDED(album)},
      {"Artist", TREMULA_EMBEDDED(artist)},
      {"Customer", TREMULA_EMBEDDED(customer)},
      {"Employee", TREMULA_EMBEDDED(employee)},
      {"Genre", TREMULA_EMBEDDED(genre)},
      {"Invoice", TREMULA_EMBEDDED(invoice)},
      {"InvoiceLine", TREMULA_EMBEDDED(invoice_line)},
      {"MediaType", TREMULA_EMBEDDED(media_type)},
      {"Playlist", TREMULA_EMBEDDED(playlist)},
      {"PlaylistTrack", TREMULA_EMBEDDED(playlist_track)},
      {"Track", TREMULA_EMBEDDED(track)},
  };
  return kTables;
}

std::string_view music_schema() { return TREMULA_EMBEDDED(schema); }
std::string_view music_story() { return TREMULA_EMBEDDED(story); }

Result<MusicFolder> MusicFolder::unpack() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string name = (parent / "tremula-demo-XXXXXX").string();
  if (!error && mkdtemp(name.data()) == nullptr) error.assign(errno, std::generic_category());
  if (error)
    return command_error(ErrorCode::kIo, "cannot make the folder " + name + ": " + error.message());
  MusicFolder folder{std::filesystem::path(name)};
  for (const MusicTable& table : music_tables()) {
    const std::filesystem::path path = folder.path_ / (std::string(table.name) + ".csv");
    std::ofstream file(path, std::ios::binary);
    file.write(table.csv.data(), static_cast<std::streamsize>(table.csv.size()));
    file.close();
    if (!file)
      return command_error(ErrorCode::kIo,
                           "cannot write " + path.string() + ": " + std::strerror(errno));
  }
  return folder;
}

MusicFolder::MusicFolder(MusicFolder&& other) noexcept
    : path_(std::exchange(other.path_, std::filesystem::path())) {}

MusicFolder::~MusicFolder() {
  std::error_code ignored;  // a folder that stays behind in the temporary files harms nobody
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

std::string MusicFolder::import_script() const {
  std::string folder;
  for (const char c : path_.string()) folder.append(c == '\'' ? 2 : 1, c);
  std::string script;
  for (const MusicTable& table : music_tables()) {
    const std::string name(table.name);
    script += "IMPORT " + name + " FROM '" + folder + "/" + name + ".csv';\n";
  }
  return script;
}

}  // namespace tremula::cli
