#include "core/lsm/sst_format.h"

#include "core/base/bytes.h"

namespace tremula::lsm {
namespace {

constexpr std::size_t kChecksumBytes = 8;

base::Error damaged(std::string what) { return {base::ErrorCode::kCorrupt, std::move(what)}; }

}  // namespace

std::string encode_sst_header(std::uint64_t number, std::uint32_t format) {
  std::string header(kSstMagic);
  base::put_u32(header, format);
  base::put_u32(header, 0);
  base::put_u64(header, number);
  base::put_u64(header, sst_checksum(header, number, 0));
  return header;
}

base::Result<std::uint32_t> check_sst_header(std::string_view bytes, std::uint64_t number) {
  TREMULA_ASSERT(bytes.size() == kSstHeaderBytes);
  if (!bytes.starts_with(kSstMagic)) return damaged("this is no SST");
  const std::string_view sealed = bytes.substr(0, kSstHeaderBytes - kChecksumBytes);
  const std::uint64_t expected = base::load_u64(bytes.data() + sealed.size());
  const std::uint64_t found = sst_checksum(sealed, number, 0);
  if (found != expected) return wrong_checksum(found, expected);
  const std::uint32_t format = base::load_u32(bytes.data() + kSstMagic.size());
  if (format != kSstFormat && format != kSstFormatPlain) {
    return base::Error{base::ErrorCode::kUnsupported, "format version " + std::to_string(format) +
                                                          ", this program reads up to " +
                                                          std::to_string(kSstFormat)};
  }
  if (bytes != encode_sst_header(number, format)) return damaged("the header is another file's");
  return format;
}

std::string encode_sst_footer(const SstFooter& footer, std::uint64_t number, std::uint64_t offset) {
  std::string sealed;
  for (const std::uint64_t field :
       {footer.index_offset, footer.index_size, footer.index_checksum, footer.filter_size,
        footer.filter_checksum, footer.entries, footer.tombstones})
    base::put_u64(sealed, field);
  sealed += kSstEnd;
  std::string bytes;
  base::put_u64(bytes, sst_checksum(sealed, number, offset + kChecksumBytes));
  return bytes + sealed;
}

std::uint64_t sst_footer_checksum(std::string_view bytes) { return base::load_u64(bytes.data()); }

base::Result<SstFooter> decode_sst_footer(std::string_view bytes, std::uint64_t number,
                                          std::uint64_t offset) {
  TREMULA_ASSERT(bytes.size() == kSstFooterBytes);
  if (!bytes.ends_with(kSstEnd)) return damaged("the file does not end as an SST does");
  const std::uint64_t expected = sst_footer_checksum(bytes);
  const std::uint64_t found =
      sst_checksum(bytes.substr(kChecksumBytes), number, offset + kChecksumBytes);
  if (found != expected) return wrong_checksum(found, expected);
  SstFooter footer;
  const char* at = bytes.data() + kChecksumBytes;
  for (std::uint64_t* field :
       {&footer.index_offset, &footer.index_size, &footer.index_checksum, &footer.filter_size,
        &footer.filter_checksum, &footer.entries, &footer.tombstones}) {
    *field = base::load_u64(at);
    at += sizeof *field;
  }
  return footer;
}

base::Error wrong_checksum(std::uint64_t found, std::uint64_t expected) {
  return damaged(std::string("checksum is ") + base::checksum_text(found) + ", expected " +
                 base::checksum_text(expected));
}

}  // namespace tremula::lsm
