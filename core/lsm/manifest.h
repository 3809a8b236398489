// Manifest: which files of a directory count, as a chain of edits in DIR/MANIFEST.
//
//   0      header    magic "TREMMAN\n" | format version u32 | 0 u32 | number of the first edit u64
//                    | checksum u64 of these 24 bytes, seed (0, 0)
//   512    seal      of the last edit with an even number: edit number u64 | end of the edit, as an
//   1024   seal      ... odd number                        offset u64 | the edit's checksum u64
//                    | checksum u64 of these 24 bytes, seed (0, offset of the seal)
//   1536   edit *    checksum u64 of the rest | size of the body u32 | number u64 | body
//                    the checksum's seed is (checksum of the edit before, offset of this one);
//                    before the first edit stands the header's. manifest_edit.h has the body
//
// All numbers are little-endian, seeds are base::checksum_seed(). The bytes between are zeros.
// An edit is appended and synced, then its seal is written, which the next sync takes along. So the
// last edit is proven from elsewhere: a file that is cut, at the border of an edit too, or whose
// last edit is damaged contradicts its seal. A seal that a power cut took, or an edit that it left
// half written, contradicts nothing: edits behind the last seal count if they are whole.
// When the file has grown, another is written with one edit that says it all, and renamed over it.
// Invariants:
//   M1  numbers of edits ascend, across all files that ever were: none comes twice with other
//       contents.
//   M2  what append() has returned for is durable.
// Errors: corrupt, with file and offset; io; unsupported (a newer format). After an error that is
// a full disk append() may be tried again: it writes another file then, for nothing is known of the
// old one's end.
// Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/file_system.h"
#include "core/base/result.h"
#include "core/lsm/manifest_edit.h"

namespace tremula::lsm {

inline constexpr std::string_view kManifestName = "MANIFEST";
inline constexpr std::string_view kNewManifestName = "MANIFEST.new";

class Manifest {
 public:
  // Opens the manifest of a directory; a directory without any file of a database gets one.
  static base::Result<std::unique_ptr<Manifest>> open(base::FileSystem& files,
                                                      const std::string& directory);
  // Reads it and writes nothing. Gives every edit as lines.
  using Line = std::function<void(std::string_view line)>;
  struct Dump {
    ManifestContents contents;
    std::uint64_t edits = 0;
  };
  static base::Result<Dump> dump(base::FileSystem& files, const std::string& directory,
                                 const Line& line);

  const ManifestContents& contents() const { return contents_; }
  // The number of the last edit. It never goes back.
  std::uint64_t edits() const { return edits_; }
  // Requires: an edit that fits the contents.
  base::Result<void> append(const ManifestEdit& edit);

 private:
  Manifest(base::FileSystem& files, std::string directory)
      : files_(&files), directory_(std::move(directory)) {}
  base::Result<void> load();
  base::Result<void> append_here(const ManifestEdit& edit, std::uint64_t number);
  // Another file, with one edit that says it all.
  base::Result<void> rewrite(const ManifestContents& contents, std::uint64_t edits);
  base::Result<void> write_new(const std::string& path, const std::string& bytes);
  std::string path() const { return directory_ + "/" + std::string(kManifestName); }

  base::FileSystem* files_;
  std::string directory_;
  std::unique_ptr<base::File> file_;
  ManifestContents contents_;
  std::uint64_t edits_ = 0;
  std::uint64_t next_edit_ = 1;   // a number is not used again if its append fails
  std::uint64_t end_ = 0;         // of the last edit
  std::uint64_t chain_ = 0;       // its checksum
  std::uint64_t rewrite_at_ = 0;  // a file that long is written anew
  bool name_is_durable_ = false;  // nobody knows what the last process had synced
  bool end_is_known_ = true;      // no append has failed
};

}  // namespace tremula::lsm
