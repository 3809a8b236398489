#include "core/crdt/stamp.h"

#include <algorithm>
#include <cstring>

#include "core/base/hex.h"

namespace tremula::crdt {

namespace {

constexpr std::uint64_t kForeignSite = 1;
constexpr std::uint64_t kOtherDbVersion = 2;
constexpr std::uint64_t kMark = 4;
constexpr unsigned kFlagBits = 3;
constexpr std::size_t kSiteBytes = sizeof(SiteId);

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

void print_site(const SiteId& site, std::string& out) {
  base::put_hex(out, {reinterpret_cast<const char*>(site.bytes.data()), site.bytes.size()});
}

bool parse_site(std::string_view text, SiteId& site) {
  if (text.size() != 2 * kSiteBytes) return false;
  for (std::size_t i = 0; i < kSiteBytes; ++i) {
    const int high = hex_digit(text[2 * i]);
    const int low = hex_digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    site.bytes[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return true;
}

base::Result<Sites> Sites::from_bytes(std::string_view bytes) {
  Sites sites;
  for (std::size_t at = 0; at + kSiteBytes <= bytes.size(); at += kSiteBytes) {
    SiteId site;
    std::memcpy(site.bytes.data(), bytes.data() + at, kSiteBytes);
    const std::size_t before = sites.size();
    sites.number_of(site);
    if (sites.size() == before) {
      return base::Error{base::ErrorCode::kCorrupt,
                         "a site stands twice, at byte " + std::to_string(at) + " of the sites"};
    }
  }
  if (bytes.size() % kSiteBytes != 0) {
    return base::Error{base::ErrorCode::kCorrupt, "the sites end inside of one"};
  }
  return sites;
}

std::string Sites::to_bytes() const {
  std::string bytes;
  bytes.reserve(ids_.size() * kSiteBytes);
  for (const SiteId& site : ids_) {
    bytes.append(reinterpret_cast<const char*>(site.bytes.data()), kSiteBytes);
  }
  return bytes;
}

SiteNumber Sites::look_up(const SiteId& site) {
  const auto is_less = [this](std::uint32_t number, const SiteId& id) { return ids_[number] < id; };
  const auto place = std::lower_bound(by_id_.begin(), by_id_.end(), site, is_less);
  if (place != by_id_.end() && ids_[*place] == site) {
    last_ = *place;
  } else {
    last_ = static_cast<std::uint32_t>(ids_.size());
    by_id_.insert(place, last_);
    ids_.push_back(site);
  }
  return SiteNumber{last_};
}

void put_meta(std::string& out, const Meta& meta, bool mark) {
  const auto version = static_cast<std::uint64_t>(meta.stamp.version);
  const auto db_version = static_cast<std::uint64_t>(meta.position.db_version);
  const auto site = static_cast<std::uint32_t>(meta.stamp.site);
  std::uint64_t head = version << kFlagBits;
  if (site != 0) head |= kForeignSite;
  if (db_version != version) head |= kOtherDbVersion;
  if (mark) head |= kMark;
  base::put_varint(out, head);
  if (site != 0) base::put_varint(out, site);
  if (db_version != version) base::put_varint(out, db_version);
  base::put_varint(out, meta.position.seq);
}

bool read_meta(base::ByteReader& from, Meta& meta, bool& mark) {
  std::uint64_t head = 0;
  if (!from.varint(head)) return false;
  std::uint32_t site = 0;
  if ((head & kForeignSite) != 0 && !from.varint32(site)) return false;
  std::uint64_t db_version = head >> kFlagBits;
  if ((head & kOtherDbVersion) != 0 && !from.varint(db_version)) return false;
  if (!from.varint32(meta.position.seq)) return false;
  meta.stamp = {Version{head >> kFlagBits}, SiteNumber{site}};
  meta.position.db_version = DbVersion{db_version};
  mark = (head & kMark) != 0;
  return true;
}

}  // namespace tremula::crdt
