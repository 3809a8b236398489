#include "core/crdt/change_record.h"
#include "core/triples/key_encoding.h"
#include "core/triples/number_text.h"
#include "core/triples/value_ops.h"

namespace tremula::crdt {

namespace {

using triples::Kind;
using triples::MergeRule;
using triples::Value;

void print_number(std::uint64_t number, std::string& out) {
  char buffer[triples::kNumberTextMax];
  out.append(buffer, triples::format_int(static_cast<std::int64_t>(number), buffer));
}

void print_value(Value value, std::string& out) {
  switch (value.kind) {
    case Kind::kBytes:
      out += "{\"bytes\":\"";
      triples::print_base64(value.view(), out);
      out += "\"}";
      return;
    case Kind::kJson:
      out += "{\"json\":";
      out += value.view();
      out += '}';
      return;
    default: triples::print_json(value, out);
  }
}

void print_key(std::string_view key, std::string& out) {
  std::string scratch;
  out += '[';
  while (!key.empty()) {
    if (out.back() != '[') out += ',';
    print_value(triples::decode_ordered(key, scratch), out);
  }
  out += ']';
}

void print_site_member(const SiteId& site, std::string& out) {
  out += "\"site\":\"";
  print_site(site, out);
  out += "\",\"db_version\":";
}

}  // namespace

void print_change(const ChangeRecord& record, std::string& out) {
  out += "{\"table\":";
  print_number(static_cast<std::uint32_t>(record.table), out);
  out += ",\"key\":";
  print_key(record.key, out);
  out += ",\"column\":";
  if (!record.column_name.empty()) {
    triples::print_json_string(record.column_name, out);
  } else if (record.is_row()) {
    out += "null";
  } else {
    print_number(static_cast<std::uint32_t>(record.column), out);
  }
  if (record.rule != MergeRule::kLww) {
    out += ",\"rule\":\"";
    out += triples::merge_rule_name(record.rule);
    out += '"';
  }
  out += ",\"value\":";
  if (record.rule == MergeRule::kSet) out += record.is_removal ? "{\"remove\":" : "{\"add\":";
  print_value(record.value, out);
  if (record.rule == MergeRule::kSet) out += '}';
  out += ",\"cl\":";
  print_number(static_cast<std::uint64_t>(record.cl), out);
  out += ",\"version\":";
  print_number(static_cast<std::uint64_t>(record.version), out);
  out += ',';
  print_site_member(record.site, out);
  print_number(static_cast<std::uint64_t>(record.position.db_version), out);
  out += ",\"seq\":";
  print_number(record.position.seq, out);
  out += "}\n";
}

void print_end(const ChangesEnd& end, std::string& out) {
  out += '{';
  print_site_member(end.site, out);
  print_number(static_cast<std::uint64_t>(end.db_version), out);
  out += "}\n";
}

}  // namespace tremula::crdt
