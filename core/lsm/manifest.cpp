#include "core/lsm/manifest.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/bytes.h"
#include "core/base/checksum.h"

namespace tremula::lsm {

namespace {

constexpr std::string_view kMagic{"TREMMAN\n", 8};
constexpr std::uint32_t kFormat = 1;
constexpr std::size_t kSealedBytes = 24;  // of a header and a seal, before their checksum
constexpr std::size_t kPartBytes = 32;
constexpr std::size_t kSectorBytes = 512;
constexpr std::size_t kFirstEdit = 3 * kSectorBytes;
constexpr std::size_t kEditHeadBytes = 20;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::uint64_t kRewriteMin = 16U << 10;
constexpr std::uint64_t kRewriteFactor = 4;

base::Error damaged(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

std::size_t seal_offset(std::uint64_t edit) { return kSectorBytes * (1 + edit % 2); }

std::string with_checksum(std::string sealed, std::uint64_t offset) {
  base::put_u64(sealed, base::checksum(sealed, base::checksum_seed(0, offset)));
  return sealed;
}

bool has_checksum(std::string_view part, std::uint64_t offset) {
  return base::load_u64(part.data() + kSealedBytes) ==
         base::checksum(part.substr(0, kSealedBytes), base::checksum_seed(0, offset));
}

std::string encode_header(std::uint64_t first_edit) {
  std::string header(kMagic);
  base::put_u32(header, kFormat);
  base::put_u32(header, 0);
  base::put_u64(header, first_edit);
  return with_checksum(std::move(header), 0);
}

struct Seal {
  std::uint64_t edit = 0;
  std::uint64_t end = 0;
  std::uint64_t chain = 0;
};

std::string encode_seal(const Seal& seal) {
  std::string bytes;
  base::put_u64(bytes, seal.edit);
  base::put_u64(bytes, seal.end);
  base::put_u64(bytes, seal.chain);
  return with_checksum(std::move(bytes), seal_offset(seal.edit));
}

// An edit as it stands at `offset`, behind one with the checksum `chain`.
std::string encode_record(std::uint64_t number, std::string_view body, std::uint64_t chain,
                          std::uint64_t offset) {
  std::string rest;
  base::put_u32(rest, static_cast<std::uint32_t>(body.size()));
  base::put_u64(rest, number);
  rest += body;
  std::string record;
  base::put_u64(record, base::checksum(rest, base::checksum_seed(chain, offset)));
  return record + rest;
}

// Reads the bytes of a manifest.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}

  using EditVisitor =
      std::function<void(std::uint64_t number, std::uint64_t offset, const ManifestEdit& edit)>;
  base::Result<void> read(const EditVisitor& visit);

  ManifestContents contents;
  std::uint64_t edits = 0;
  std::uint64_t end = kFirstEdit;
  std::uint64_t chain = 0;
  std::uint64_t first_end = 0;  // of the first edit
  bool is_sealed = false;       // the last edit

 private:
  base::Result<void> read_header();
  base::Result<void> read_seals();
  base::Result<void> check_gaps() const;
  // The next edit's body, if a whole edit stands there.
  std::optional<std::string_view> next_body(std::uint64_t number) const;
  base::Result<void> take(std::uint64_t number, std::string_view body, const EditVisitor& visit);

  std::string_view bytes_;
  std::uint64_t first_ = 0;
  std::array<std::optional<Seal>, 2> seals_;
};

base::Result<void> Reader::read_header() {
  if (bytes_.size() < kFirstEdit) {
    return damaged("is cut off at offset " + std::to_string(bytes_.size()) + ", within its head");
  }
  if (!bytes_.starts_with(kMagic)) return damaged("offset 0: this is no manifest");
  const std::string_view header = bytes_.substr(0, kPartBytes);
  if (!has_checksum(header, 0)) return damaged("offset 0: the header fails its checksum");
  const std::uint32_t format = base::load_u32(header.data() + kMagic.size());
  if (format != kFormat) {
    return base::Error{base::ErrorCode::kUnsupported, "format version " + std::to_string(format) +
                                                          ", this program reads " +
                                                          std::to_string(kFormat)};
  }
  first_ = base::load_u64(header.data() + kMagic.size() + 8);
  chain = base::load_u64(header.data() + kSealedBytes);
  return {};
}

base::Result<void> Reader::check_gaps() const {
  for (std::size_t part = 0; part < 3; ++part) {
    const std::size_t begin = part * kSectorBytes + kPartBytes;
    const std::string_view gap = bytes_.substr(begin, kSectorBytes - kPartBytes);
    const std::size_t wrong = gap.find_first_not_of('\0');
    if (wrong != std::string_view::npos)
      return damaged("offset " + std::to_string(begin + wrong) + ": expected a zero");
  }
  return {};
}

base::Result<void> Reader::read_seals() {
  for (std::size_t i = 0; i < seals_.size(); ++i) {
    const std::size_t offset = seal_offset(i);
    const std::string_view part = bytes_.substr(offset, kPartBytes);
    // A power cut while it was written: the edit that it was for is whole, and the other seal.
    if (!has_checksum(part, offset)) continue;
    const Seal seal{base::load_u64(part.data()), base::load_u64(part.data() + 8),
                    base::load_u64(part.data() + 16)};
    if (seal_offset(seal.edit) != offset)
      return damaged("offset " + std::to_string(offset) + ": the seal of another edit");
    seals_[i] = seal;
  }
  if (!seals_[0] && !seals_[1]) return damaged("offset 512: no seal is whole");
  return {};
}

std::optional<std::string_view> Reader::next_body(std::uint64_t number) const {
  const std::string_view rest = bytes_.substr(end);
  if (rest.size() < kEditHeadBytes) return std::nullopt;
  const std::size_t size = base::load_u32(rest.data() + kChecksumBytes);
  if (size > rest.size() - kEditHeadBytes) return std::nullopt;
  const std::string_view sealed =
      rest.substr(kChecksumBytes, kEditHeadBytes + size - kChecksumBytes);
  if (base::load_u64(rest.data()) != base::checksum(sealed, base::checksum_seed(chain, end)))
    return std::nullopt;
  if (base::load_u64(rest.data() + kChecksumBytes + 4) != number) return std::nullopt;
  return rest.substr(kEditHeadBytes, size);
}

base::Result<void> Reader::take(std::uint64_t number, std::string_view body,
                                const EditVisitor& visit) {
  const std::string place = "edit " + std::to_string(number) + " at offset " + std::to_string(end);
  const auto edit = decode_edit(body);
  if (!edit.ok()) return damaged(place + ": " + edit.error().message);
  const auto applied = apply_edit(contents, edit.value());
  if (!applied.ok()) return damaged(place + ": " + applied.error().message);
  visit(number, end, edit.value());
  chain = base::load_u64(bytes_.data() + end);
  end += kEditHeadBytes + body.size();
  edits = number;
  const std::optional<Seal>& seal = seals_[number % 2];
  is_sealed = seal && seal->edit == number;
  if (is_sealed && (seal->end != end || seal->chain != chain))
    return damaged(place + ": its seal is another edit's");
  return {};
}

base::Result<void> Reader::read(const EditVisitor& visit) {
  TREMULA_TRY(read_header());
  TREMULA_TRY(check_gaps());
  TREMULA_TRY(read_seals());
  std::uint64_t last_sealed = 0;
  for (const std::optional<Seal>& seal : seals_) {
    if (!seal) continue;
    if (seal->edit < first_) return damaged("offset 512: a seal from before the first edit");
    last_sealed = std::max(last_sealed, seal->edit);
  }
  for (std::uint64_t number = first_;; ++number) {
    const auto body = next_body(number);
    if (!body) break;
    TREMULA_TRY(take(number, *body, visit));
    if (number == first_) first_end = end;
  }
  if (edits >= last_sealed) return {};
  return damaged("edit " + std::to_string(std::max(first_, edits + 1)) + " at offset " +
                 std::to_string(end) + ": is not whole, and edits are sealed up to " +
                 std::to_string(last_sealed));
}

base::Result<std::string> read_whole(base::File& file) {
  TREMULA_TRY_ASSIGN(const std::uint64_t size, file.size());
  std::string bytes(size, '\0');
  TREMULA_TRY_ASSIGN(const std::size_t read, file.read(0, {bytes.data(), bytes.size()}));
  bytes.resize(read);
  return bytes;
}

base::Error in_file(const std::string& path, base::Error error) {
  error.message = path + ": " + error.message;
  return error;
}

// Whether files of a database lie here, which a manifest must speak for.
base::Result<bool> has_files(base::FileSystem& files, const std::string& directory) {
  TREMULA_TRY_ASSIGN(const std::vector<std::string> names, files.list(directory));
  return std::any_of(names.begin(), names.end(), [](const std::string& name) {
    return name.starts_with("SST-") || name.starts_with("LOG-");
  });
}

base::Error no_manifest(const std::string& path) {
  return damaged(path + ": is missing, and files of a database are there; restore it");
}

}  // namespace

base::Result<std::unique_ptr<Manifest>> Manifest::open(base::FileSystem& files,
                                                       const std::string& directory) {
  std::unique_ptr<Manifest> manifest(new Manifest(files, directory));
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(manifest->path()));
  if (is_there) {
    TREMULA_TRY(manifest->load());
    return manifest;
  }
  TREMULA_TRY_ASSIGN(const bool is_old, has_files(files, directory));
  if (is_old) return no_manifest(manifest->path());
  TREMULA_TRY(manifest->rewrite(ManifestContents(), manifest->next_edit_++));
  return manifest;
}

base::Result<void> Manifest::load() {
  TREMULA_TRY_ASSIGN(file_, files_->open(path(), base::OpenMode::kReadWrite));
  TREMULA_TRY_ASSIGN(const std::string bytes, read_whole(*file_));
  Reader reader(bytes);
  const auto good = reader.read([](std::uint64_t, std::uint64_t, const ManifestEdit&) {});
  if (!good.ok()) return in_file(path(), good.error());
  contents_ = std::move(reader.contents);
  edits_ = reader.edits;
  next_edit_ = edits_ + 1;
  end_ = reader.end;
  chain_ = reader.chain;
  rewrite_at_ = std::max(kRewriteMin, kRewriteFactor * reader.first_end);
  if (reader.is_sealed) return {};
  // Its process may have died before the sync, or because of it: after a sync that failed the
  // system takes what it could not write for written. What stands on this edit must find it for
  // ever.
  TREMULA_TRY(file_->write(0, std::string_view(bytes).substr(0, end_)));
  TREMULA_TRY(file_->sync());
  return file_->write(seal_offset(edits_), encode_seal({edits_, end_, chain_}));
}

base::Result<Manifest::Dump> Manifest::dump(base::FileSystem& files, const std::string& directory,
                                            const Line& line) {
  const std::string path = directory + "/" + std::string(kManifestName);
  TREMULA_TRY_ASSIGN(const bool is_there, files.exists(path));
  if (!is_there) return no_manifest(path);
  TREMULA_TRY_ASSIGN(const auto file, files.open(path, base::OpenMode::kRead));
  TREMULA_TRY_ASSIGN(const std::string bytes, read_whole(*file));
  Reader reader(bytes);
  const auto good =
      reader.read([&](std::uint64_t number, std::uint64_t offset, const ManifestEdit& edit) {
        line("edit " + std::to_string(number) + " at offset " + std::to_string(offset));
        dump_edit(edit, [&](std::string_view item) { line("  " + std::string(item)); });
      });
  if (!good.ok()) return in_file(path, good.error());
  return Dump{std::move(reader.contents), reader.edits};
}

base::Result<void> Manifest::append(const ManifestEdit& edit) {
  ManifestContents next = contents_;
  TREMULA_TRY(apply_edit(next, edit));
  const std::uint64_t number = next_edit_++;
  if (!end_is_known_ || end_ >= rewrite_at_) {
    end_is_known_ = false;
    return rewrite(next, number);
  }
  end_is_known_ = false;
  TREMULA_TRY(append_here(edit, number));
  end_is_known_ = true;
  contents_ = std::move(next);
  return {};
}

base::Result<void> Manifest::append_here(const ManifestEdit& edit, std::uint64_t number) {
  if (!name_is_durable_) TREMULA_TRY(files_->sync_directory(directory_));
  name_is_durable_ = true;
  const std::string record = encode_record(number, encode_edit(edit), chain_, end_);
  TREMULA_TRY(file_->write(end_, record));
  TREMULA_TRY(file_->sync());
  const Seal seal{number, end_ + record.size(), base::load_u64(record.data())};
  TREMULA_TRY(file_->write(seal_offset(seal.edit), encode_seal(seal)));
  edits_ = seal.edit;
  end_ = seal.end;
  chain_ = seal.chain;
  return {};
}

base::Result<void> Manifest::rewrite(const ManifestContents& contents, std::uint64_t edits) {
  std::string bytes = encode_header(edits);
  const std::uint64_t header = base::load_u64(bytes.data() + kSealedBytes);
  const std::string record =
      encode_record(edits, encode_edit(whole_edit(contents)), header, kFirstEdit);
  const Seal seal{edits, kFirstEdit + record.size(), base::load_u64(record.data())};
  bytes.resize(kFirstEdit, '\0');
  bytes.replace(seal_offset(edits), kPartBytes, encode_seal(seal));
  bytes += record;

  const std::string new_path = directory_ + "/" + std::string(kNewManifestName);
  TREMULA_TRY_ASSIGN(const bool is_left, files_->exists(new_path));
  if (is_left) TREMULA_TRY(files_->remove(new_path));
  TREMULA_TRY(write_new(new_path, bytes));
  TREMULA_TRY(files_->rename(new_path, path()));
  TREMULA_TRY(files_->sync_directory(directory_));
  TREMULA_TRY_ASSIGN(file_, files_->open(path(), base::OpenMode::kReadWrite));
  contents_ = contents;
  edits_ = edits;
  end_ = seal.end;
  chain_ = seal.chain;
  rewrite_at_ = std::max(kRewriteMin, kRewriteFactor * end_);
  name_is_durable_ = true;
  end_is_known_ = true;
  return {};
}

base::Result<void> Manifest::write_new(const std::string& path, const std::string& bytes) {
  TREMULA_TRY_ASSIGN(const auto file, files_->open(path, base::OpenMode::kCreate));
  auto written = file->write(0, bytes);
  if (written.ok()) written = file->sync();
  if (written.ok()) return {};
  TREMULA_TRY(files_->remove(path));
  return written;
}

}  // namespace tremula::lsm
