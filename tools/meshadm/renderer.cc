// SPDX-License-Identifier: Apache-2.0
#include "tools/meshadm/renderer.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace kernmesh::adm {
namespace {

struct Range {
  std::uint32_t first;
  std::uint32_t last;
};
constexpr std::array kWide{
    Range{0x1100, 0x115f},   Range{0x2e80, 0x303e},   Range{0x3041, 0xa4cf},
    Range{0xa960, 0xa97f},   Range{0xac00, 0xd7a3},   Range{0xf900, 0xfaff},
    Range{0xfe30, 0xfe6f},   Range{0xff00, 0xff60},   Range{0xffe0, 0xffe6},
    Range{0x1f300, 0x1f64f}, Range{0x1f680, 0x1f6ff}, Range{0x1f900, 0x1f9ff},
    Range{0x20000, 0x3fffd},
};
constexpr std::array kNoWidth{
    Range{0x0300, 0x036f}, Range{0x0483, 0x0489}, Range{0x0591, 0x05bd}, Range{0x064b, 0x065f},
    Range{0x1ab0, 0x1aff}, Range{0x1dc0, 0x1dff}, Range{0x200b, 0x200f}, Range{0x202a, 0x202e},
    Range{0x2060, 0x2064}, Range{0x2066, 0x206f}, Range{0x20d0, 0x20ff}, Range{0xfe00, 0xfe0f},
    Range{0xfe20, 0xfe2f}, Range{0xfeff, 0xfeff},
};

template <std::size_t N>
bool is_in(const std::array<Range, N>& ranges, std::uint32_t point) {
  return std::any_of(ranges.begin(), ranges.end(), [point](const Range& range) {
    return point >= range.first && point <= range.last;
  });
}

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

// The first code point of text that is not empty (RFC 3629; overlong forms are let through, they
// only cost width).
CodePoint first_code_point(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  if (lead < 0x80) return {lead, 1, true};
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return {};
  std::uint32_t value = lead & (0xffU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return {};
    value = value << 6 | (next & 0x3fU);
  }
  return {value, size, true};
}

bool is_control(std::uint32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

// Marks that change the direction of the text that follows (Unicode UAX 9).
bool is_direction_mark(std::uint32_t point) {
  return (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
}

// ECMA-48 "select graphic rendition", the eight basic colours every terminal has.
std::string_view escape_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return "";
    case Tone::kStrong:
      return "\x1b[1m";
    case Tone::kGood:
      return "\x1b[32m";
    case Tone::kWarn:
      return "\x1b[33m";
    case Tone::kBad:
      return "\x1b[31m";
    case Tone::kFaint:
      return "\x1b[2m";
  }
  return "";
}

std::string painted(const std::string& text, Tone tone, Colour colour) {
  const std::string_view escape = escape_of(tone);
  if (colour == Colour::kOff || escape.empty() || text.empty()) return text;
  return std::string(escape) + text + "\x1b[0m";
}

std::string render(const Line& line, Colour colour) {
  std::string text;
  for (const Cell& piece : line.pieces) text += painted(printable(piece.text), piece.tone, colour);
  return text + "\n";
}

std::string render_row(const Table& table, const std::vector<Cell>& row,
                       const std::vector<std::size_t>& widths, Colour colour) {
  std::string text;
  std::size_t owed = 0;  // spaces that are written only when something follows them
  for (std::size_t i = 0; i < row.size(); ++i) {
    const std::string plain = printable(row[i].text);
    const std::size_t padding = widths[i] - display_width(plain);
    const bool right = table.columns[i].align == Align::kRight;
    if (!plain.empty()) {
      text.append(owed + (right ? padding : 0), ' ');
      text += painted(plain, row[i].tone, colour);
      owed = right ? 0 : padding;
    } else {
      owed += widths[i];
    }
    owed += 2;
  }
  return text + "\n";
}

std::string render(const Table& table, Colour colour) {
  std::vector<Cell> head;
  std::vector<std::size_t> widths;
  for (const Column& column : table.columns) {
    head.push_back({column.title, Tone::kFaint});
    widths.push_back(display_width(column.title));
  }
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(printable(row[i].text)));
    }
  }
  std::string text = render_row(table, head, widths, colour);
  for (const auto& row : table.rows) text += render_row(table, row, widths, colour);
  return text;
}

// Bytes that are not UTF-8 become U+FFFD instead of an exception.
std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    text.remove_prefix(point.bytes);
    if (!point.valid) {
      ++width;
    } else if (!is_control(point.value) && !is_in(kNoWidth, point.value)) {
      width += is_in(kWide, point.value) ? 2 : 1;
    }
  }
  return width;
}

std::string printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const CodePoint point = first_code_point(text);
    const bool keep = point.valid && !is_control(point.value) && !is_direction_mark(point.value);
    clean += keep ? text.substr(0, point.bytes) : std::string_view("?");
    text.remove_prefix(point.bytes);
  }
  return clean;
}

std::string printable_lines(std::string_view text) {
  std::string clean;
  for (;;) {
    const auto end = text.find_first_of("\n\t");
    clean += printable(text.substr(0, end));
    if (end == std::string_view::npos) return clean;
    clean += text[end];
    text.remove_prefix(end + 1);
  }
}

std::string render_human(const Document& document, Colour colour) {
  std::string text;
  for (const Block& block : document.blocks) {
    text += std::visit([colour](const auto& one) { return render(one, colour); }, block);
  }
  return text;
}

std::string error_code(const Error& error) {
  std::string code(to_string(error.code()));
  std::replace(code.begin(), code.end(), ' ', '_');
  return code;
}

void Renderer::show(const Document& document) {
  if (format() == Format::kJson) {
    out_ << dump(document.json, 2) << "\n";
  } else {
    out_ << render_human(document, settings_.out_colour);
  }
  out_.flush();
}

void Renderer::show_text(const Document& document, const std::string& text) {
  if (format() == Format::kJson) {
    show(document);
  } else {
    out_ << text << std::flush;
  }
}

void Renderer::show_next(const Document& document) {
  if (format() == Format::kJson) {
    out_ << dump(document.json, -1) << "\n";
    out_.flush();
  } else {
    show(document);
  }
}

void Renderer::fail(std::string_view code, const std::string& message, const std::string& advice) {
  if (format() == Format::kJson) {
    const Json json{{"error",
                     {{"code", code},
                      {"message", message},
                      {"advice", advice.empty() ? Json(nullptr) : Json(advice)}}}};
    err_ << dump(json, -1) << "\n";
  } else {
    Document document;
    document.blocks.emplace_back(Line{{{"meshadm: ", Tone::kBad}, {message, Tone::kPlain}}});
    if (!advice.empty()) document.line("  " + advice);
    err_ << render_human(document, settings_.err_colour);
  }
  err_.flush();
}

void Renderer::remark(const std::string& text) {
  if (format() == Format::kJson) return;
  err_ << printable(text) << "\n";
  err_.flush();
}

}  // namespace kernmesh::adm
